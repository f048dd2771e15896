import numpy as np
import pytest
import torch
from torch import nn

from spml.inference import tiles
from spml.inference.crf_settings import CRFParameters
from spml.inference.gallery import empty_gallery
from spml.inference.networks import Networks
from spml.inference.predictions import Ways, predict_image
from spml.inference.tiles import Tile, cut_tiles


@pytest.fixture
def networks(tiny_config):
    """A pixel's colour is its embedding, and times 3 the logits of three classes."""
    windows = {"test": {"crop_size": [32, 32], "stride": [32, 32], "image_size": 0}}
    config = tiny_config(dataset={"num_classes": 3}, **windows)
    gallery = empty_gallery(3, torch.device("cpu"))
    return Networks(nn.Identity(), lambda embedding: 3 * embedding, gallery, config, torch.device("cpu"))


@pytest.fixture
def cut_small(monkeypatch):
    """Images beyond 400 pixels go in tiles of 40 pixels a side, 8 of them margin."""
    for name, value in {"MAX_WHOLE_PIXELS": 400, "TILE_SIDE": 40, "LOOK_MARGIN": 8}.items():
        monkeypatch.setattr(tiles, name, value)


@pytest.fixture
def picture():
    blocks = np.random.default_rng(0).integers(0, 255, (12, 19, 3), np.uint8)
    return np.kron(blocks, np.ones((8, 8, 1), np.uint8))


@pytest.mark.parametrize("size", [(3000, 4000), (1025, 1024), (1, 2_000_000), (5000, 300), (1100, 1100)])
@pytest.mark.parametrize("crop", [(512, 512), (2048, 100)])
def test_cores_cover_a_large_image_once_within_their_windows(size, crop):
    count = np.zeros(size, np.uint8)
    for tile in cut_tiles(size, crop):
        count[tile.core] += 1
        for core, window, length, side in zip(tile.core, tile.window, size, crop, strict=True):
            assert window.start == max(0, core.start - tiles.LOOK_MARGIN) or window == slice(0, length)
            assert window.stop == min(length, core.stop + tiles.LOOK_MARGIN) or window == slice(0, length)
            assert window.stop - window.start <= max(side, tiles.TILE_SIDE)
        for inner, core, window in zip(tile.inner, tile.core, tile.window, strict=True):
            assert (inner.start + window.start, inner.stop + window.start) == (core.start, core.stop)
    assert (count == 1).all()


def test_images_of_a_million_pixels_are_not_cut():
    whole = slice(0, 1024), slice(0, 1024)
    assert cut_tiles((1024, 1024), (512, 512)) == [Tile(whole, whole)]


@pytest.mark.parametrize("image_size", [0, 100])
def test_tiles_give_what_the_whole_gives_where_a_pixel_sees_itself_alone(networks, picture, request, image_size):
    networks.config.test.image_size = image_size
    whole = predict_image(networks, picture, Ways(keep="float16"))
    request.getfixturevalue("cut_small")
    assert len(cut_tiles((63, 100), (32, 32))) > 4
    found = predict_image(networks, picture, Ways(keep="float16"))
    for name in ("mask", "entropy", "scores"):
        assert np.array_equal(getattr(found, name), getattr(whole, name))


def test_a_large_picture_seen_small_is_brought_to_its_size_class_by_class(networks, picture):
    networks.config.test.image_size = 64
    found = predict_image(networks, picture, Ways(keep="float16"))
    assert found.mask.shape == picture.shape[:2] and found.scores.shape == (3, *picture.shape[:2])
    sure = np.sort(found.scores, 0)[-1] - np.sort(found.scores, 0)[-2] > 0.01
    assert np.array_equal(found.scores.argmax(0)[sure], found.mask[sure])


def test_entropy_is_full_where_all_classes_are_equally_likely(networks):
    grey = np.rint(255 * np.array(networks.config.network.pixel_means)).astype(np.uint8)
    blank = predict_image(networks, np.tile(grey, (32, 32, 1)), Ways())
    assert blank.entropy.min() == 255
    blue = predict_image(networks, np.tile(np.array([0, 0, 255], np.uint8), (32, 32, 1)), Ways())
    assert blue.entropy.max() < 10 and (blue.mask == 2).all()


def test_the_crf_runs_by_tiles_and_cleans_specks(networks, request):
    pytest.importorskip("pydensecrf")
    request.getfixturevalue("cut_small")
    picture = np.full((48, 64, 3), 90, np.uint8)
    picture[:, :32, 0] = picture[:, 32:, 2] = 120
    noisy = picture.copy()
    for row, column in ((10, 12), (35, 50)):
        noisy[row, column] = noisy[row, column, ::-1]
    plain, refined = (predict_image(networks, noisy, Ways(crf=crf)) for crf in (None, CRFParameters()))
    truth = predict_image(networks, picture, Ways()).mask
    assert (plain.mask != truth).sum() == 2 and (refined.mask != truth).sum() < 2
    assert refined.entropy.mean() < 0.7 * plain.entropy.mean()


def test_a_picture_is_seen_no_larger_than_the_configuration_allows(networks, picture):
    networks.config.dataset.max_side = 76
    found = predict_image(networks, picture, Ways())
    assert found.mask.shape == picture.shape[:2]
    assert (found.mask[1::2, 1::2] == found.mask[::2, ::2]).mean() > 0.9
