import sys

import numpy as np
import pytest
import torch

import spml
from spml.errors import UserError
from spml.inference import onnx_files
from spml.inference.onnx_files import ClassShares, UnitEmbedding, write_onnx
from spml.models.heads import GridPool


@pytest.fixture
def segmenter(snapshot_dir, config_path):
    return spml.load(snapshot_dir, config=config_path, device="cpu")


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 255, (37, 50, 3), np.uint8)


@pytest.mark.parametrize("classify", ["pixels", "embedding"])
def test_what_is_exported_is_what_the_segmenter_gives_in_one_window(segmenter, picture, classify):
    segmenter.config.test.update(image_size=0, crop_size=[40, 56], stride=[40, 56], classify=classify)
    given = torch.from_numpy(picture)[None]
    with torch.inference_mode():
        scores, embedding = ClassShares(segmenter)(given)[0], UnitEmbedding(segmenter)(given)[0]
    np.testing.assert_allclose(scores, segmenter.scores(picture), atol=1e-5)
    np.testing.assert_allclose(embedding, segmenter.embed(picture), atol=1e-5)


def test_pooling_by_products_is_pooling(device):
    x = torch.randn(2, 3, 11, 17, device=device)
    for cells in (1, 2, 3, 6):
        pool = GridPool(cells)
        expected = pool(x)
        pool.by_products = True
        torch.testing.assert_close(pool(x), expected)


def test_onnx_is_asked_for_where_it_is_missing_and_nothing_is_written(segmenter, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match="needs onnx .* pip install onnx onnxruntime"):
        write_onnx(UnitEmbedding(segmenter), "embedding", tmp_path / "embedding.onnx")
    assert not list(tmp_path.glob("*embedding*"))


def test_a_network_without_a_form_in_onnx_is_refused_in_one_line_and_nothing_is_written(segmenter, tmp_path):
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    network = UnitEmbedding(segmenter)
    network.forward = lambda image: torch.special.i1e(network.raw(image))
    with pytest.raises(UserError, match=r"^the network cannot be exported to ONNX \([^\n]*i1e"):
        write_onnx(network, "embedding", tmp_path / "embedding.onnx")
    assert not list(tmp_path.glob("*embedding*"))


def test_a_file_that_differs_from_pytorch_is_not_written(segmenter, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_files, "_export", lambda network, output, path: path.write_bytes(b"model"))
    monkeypatch.setattr(onnx_files, "_difference", lambda network, path: 0.5)
    with pytest.raises(UserError, match=r"embedding.onnx: differs from PyTorch by 0.5, more than 0.001"):
        write_onnx(UnitEmbedding(segmenter), "embedding", tmp_path / "embedding.onnx")
    assert not (tmp_path / "embedding.onnx").exists()


def test_transformers_are_refused_before_the_exporter_prints_them(segmenter, tmp_path, capfd):
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    network = UnitEmbedding(segmenter)
    network.embedding.dynamic_img_size = True
    with pytest.raises(UserError, match="cannot be exported to ONNX .a transformer of timm, which resamples"):
        write_onnx(network, "embedding", tmp_path / "embedding.onnx")
    assert capfd.readouterr() == ("", "") and not list(tmp_path.glob("*embedding*"))
