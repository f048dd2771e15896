"""export_onnx.py, and its files run by onnxruntime; skipped where the packages of the extra `onnx` are missing."""

import numpy as np
import pytest
import torch

import spml
from spml.commands.export_onnx import export_onnx
from spml.models.classifier import build_classifier
from spml.models.embedding import build_embedding

pytestmark = pytest.mark.slow  # traces networks

for package in ("onnx", "onnxruntime"):
    pytest.importorskip(package, reason="the extra onnx is not installed")


CONVOLUTIONS = {"backbone_types": "panoptic_deeplab_timm", "timm_model": "test_efficientnet", "pretrained": ""}


@pytest.mark.parametrize(
    "network",
    [
        {"backbone_types": "panoptic_deeplab_tiny"},
        {"backbone_types": "panoptic_pspnet_tiny"},
        CONVOLUTIONS | {"timm_output_stride": 16},
        CONVOLUTIONS | {"timm_output_stride": 32},
    ],
)
def test_onnxruntime_gives_the_segmenters_scores_at_any_size(tmp_path, tiny_config, network, log):
    import onnxruntime

    if "timm_model" in network:
        pytest.importorskip("timm", reason="timm is not installed")
    windows = {"image_size": 0, "crop_size": [40, 56], "stride": [40, 56]}
    config = tiny_config(network=network, test=windows)
    torch.manual_seed(0)
    models = {"embedding_model": build_embedding(config), "prediction_model": build_classifier(config)}
    torch.save({name: model.state_dict() for name, model in models.items()}, tmp_path / "model-2.pth")
    flags = f"--snapshot {tmp_path}/model-2.pth --cfg_path {tmp_path}/config.yaml --save_dir {tmp_path}/onnx"
    export_onnx([*flags.split(), "--device", "cpu"])
    assert len([text for _, text in log if "differs from PyTorch by" in text]) == 2
    assert log[-1][1].startswith("trained to see windows of 40×56 pixels, 40×56 apart, of pictures as they are: larger")
    picture = np.random.default_rng(0).integers(0, 255, (37, 50, 3), np.uint8)
    segmenter = spml.load(tmp_path / "model-2.pth", config, "cpu")
    for name, expected in (("scores", segmenter.scores(picture)), ("embedding", segmenter.embed(picture))):
        session = onnxruntime.InferenceSession(tmp_path / f"onnx/{name}.onnx")
        assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
        (found,) = session.run(None, {"image": picture[None]})
        np.testing.assert_allclose(found[0], expected, atol=1e-3)
