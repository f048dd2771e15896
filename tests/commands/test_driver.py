"""Images that are too large to be scored at once, and those that are seen smaller than they are."""

import numpy as np
import pytest
import torch
from PIL import Image

from spml.commands.cam import cam
from spml.commands.inference import inference, inference_crf_msc, inference_softmax, inference_softmax_crf
from spml.commands.prototype import prototype
from spml.commands.pseudo import pseudo_camrw_crf, pseudo_denseposerw_crf, pseudo_inference_crf_msc, pseudo_softmax
from spml.config import load_config
from spml.data.cam_files import read_cam, write_cam
from spml.data.files import read_npz, write_image
from spml.inference import tiles
from spml.inference.input_image import InputImage
from spml.inference.scores import Scorer, softmax
from spml.inference.segmenter import load
from spml.models.cam_network import build_cam


@pytest.fixture
def cut_small(monkeypatch):
    """The tiny images, which are seen at 44 pixels a side, go in tiles of 32 pixels, 6 of them margin."""
    for name, value in {"MAX_WHOLE_PIXELS": 400, "TILE_SIDE": 32, "LOOK_MARGIN": 6}.items():
        monkeypatch.setattr(tiles, name, value)


@pytest.fixture
def cam_dir(tmp_path, tiny_data):
    for name in tiny_data.ids:
        write_cam(tmp_path / "cams" / f"{name}.npy", {1: np.eye(40, dtype=np.float32)})
    return tmp_path / "cams"


def read(folder, name, kind="semantic_gray"):
    return np.array(Image.open(folder / kind / f"{name}.png"))


def test_a_large_image_has_the_mask_of_its_tiles(call, tiny_data, cut_small, config, snapshot_dir):
    out = call(inference_softmax)
    segmenter = load(snapshot_dir / "model-2.pth", config)
    for name in tiny_data.ids:
        image = np.array(Image.open(tiny_data.root / "image" / f"{name}.png").convert("RGB"))
        with torch.inference_mode():
            assert len(list(softmax.tiles(segmenter, InputImage(image)))) == 9
        assert (read(out, name) == segmenter(image)).all()


@pytest.mark.parametrize("script", [inference, inference_softmax, inference_softmax_crf])
@pytest.mark.parametrize("large", [True, False])
def test_images_at_once_have_the_masks_that_they_have_alone(call, tiny_data, gallery_dir, monkeypatch, script, large):
    if large:  # one of them, by tiles
        write_image(
            tiny_data.root / "image/b.png", np.zeros((40, 80, 3), np.uint8) + np.arange(80, dtype=np.uint8)[:, None]
        )
        monkeypatch.setattr(tiles, "MAX_WHOLE_PIXELS", 44 * 50)
        monkeypatch.setattr(Scorer, "size", lambda self, networks, image: image.size)
    flags = ("--semantic_memory_dir", gallery_dir, "--opts", "test.image_size", 0, "test.images_at_once")
    alone, together = (call(script, *flags, count, out=f"out{count}") for count in (1, 3))
    for name in tiny_data.ids:
        assert (read(alone, name) == read(together, name)).all()


@pytest.mark.slow
def test_crf_processes_refine_tiles_as_this_one_does(call, tiny_data, cut_small):
    here, beside = (call(inference_softmax_crf, "--workers", n, out=f"out{n}") for n in (0, 2))
    for name in tiny_data.ids:
        assert (read(here, name) == read(beside, name)).all()
        assert read(here, name).shape == read(here, name, "semantic_color").shape[:2] == (40, 40)


SEEN_OTHERWISE = (inference, inference_crf_msc, pseudo_inference_crf_msc, pseudo_softmax, pseudo_camrw_crf)


@pytest.mark.parametrize("script", SEEN_OTHERWISE)
def test_masks_of_large_images_are_of_their_size(script, call, tiny_data, cut_small, gallery_dir, cam_dir):
    out = call(script, "--semantic_memory_dir", gallery_dir, "--cam_dir", cam_dir)
    for name in tiny_data.ids:
        assert read(out, name).shape == (40, 40) and read(out, name).max() < 4


def test_cores_of_tiles_have_prototypes_of_their_own(call, tiny_data, cut_small):
    out = call(prototype)
    for name in tiny_data.ids:
        clusters, labels = read(out, name, "semantic_cluster"), read_npz(out / f"semantic_prototype/{name}.npz")
        assert clusters.shape == (40, 40) and clusters.max() + 1 == len(labels["prototype_label"]) > 4


@pytest.mark.parametrize("script", [inference_softmax, pseudo_camrw_crf, pseudo_denseposerw_crf])
def test_results_of_images_that_are_seen_smaller_are_of_the_files_size(script, call, tiny_data, cam_dir):
    for name in tiny_data.ids:
        label = np.where(np.arange(40) < 10, 255, 2).astype(np.uint8)[:, None].repeat(40, 1)
        write_image(tiny_data.root / "semantic" / f"{name}.png", label)
    out = call(script, "--cam_dir", cam_dir, "--opts", "dataset.max_side", 20, "test.image_size", 0)
    mask = read(out, "a")
    assert mask.shape == (40, 40) and (mask[::2, ::2].repeat(2, 0).repeat(2, 1) == mask).all()
    assert ((mask == 255) == (label == 255)).all() or script is not pseudo_denseposerw_crf


@pytest.mark.parametrize("max_side", [0, 20])
def test_maps_are_of_the_files_size(max_side, call, tiny_data, tmp_path, write_config, cut_small):
    changes = {"network": {"prediction_types": "cam"}, "train": {"max_iteration": 3}}
    changes |= {"dataset": {"tags_file": str(tmp_path / "tags.txt"), "max_side": max_side}}
    (tmp_path / "tags.txt").write_text("a 1 3\nb\nc 2\nd 1\n")
    path = write_config(**changes)
    backbone, head = build_cam(load_config(path))
    torch.save({"embedding_model": backbone.state_dict(), "prediction_model": head.state_dict()}, tmp_path / "cam.pth")
    out = call(cam, "--cfg_path", path, "--snapshot", tmp_path / "cam.pth", drop=("--cfg_path", "--snapshot_dir"))
    assert list(read_cam(out / "a.npy", 4, (40, 40))) == [1, 3] and not read_cam(out / "b.npy", 4)
