"""Values of large images, put together from those of tiles."""

import numpy as np
import pytest
import torch
from torch import nn

from spml.inference.activation_maps import activation_maps
from spml.inference.gallery import empty_gallery
from spml.inference.input_image import InputImage
from spml.inference.labelled_prototypes import image_prototypes, prototype_pyramid
from spml.inference.scores import retrieval, softmax
from spml.inference.segmenter import Segmenter
from spml.inference.tiles import cut_tiles, put_together, size_in_one


@pytest.fixture
def picture():
    """Blocks of one colour of three each, 120×160 pixels, and their labels."""
    label = np.random.default_rng(0).integers(0, 3, (6, 8)).repeat(20, 0).repeat(20, 1).astype(np.uint8)
    return InputImage(255 * np.eye(3, dtype=np.uint8)[label], label)


@pytest.fixture
def networks(tiny_config):
    """A pixel's colour is its embedding, and times 3 the logits of three classes."""
    windows = {"crop_size": [32, 32], "stride": [32, 32], "image_size": 0}
    clusters = {"embedding_dim": 3, "kmeans_num_clusters": [2, 2], "kmeans_iterations": 3}
    config = tiny_config(dataset={"num_classes": 3}, test=windows, network=clusters)
    gallery = empty_gallery(3, torch.device("cpu"))
    return Segmenter(nn.Identity(), lambda embedding: 3 * embedding, gallery, config, torch.device("cpu"))


@pytest.mark.parametrize("to", [(120, 160), (60, 80), (15, 20), (13, 19)])
def test_places_of_tiles_cover_what_is_put_together_once(cut_small, to):
    ramp = torch.arange(120.0)[:, None] + 1000 * torch.arange(160.0)

    def values_of(place, size):
        return nn.functional.interpolate(ramp[place][None, None], size, mode="bilinear")[0].expand(2, 1, *size)

    tiles = cut_tiles((120, 160), (32, 32))
    joined = put_together(tiles, (120, 160), to, values_of)
    whole = nn.functional.interpolate(ramp[None, None], to, mode="bilinear")[0]
    assert len(tiles) == 12 and joined.shape == (2, 1, *to)
    assert (joined[1] - whole).abs().max() <= 1000 * max(160 / to[1], 1)


def test_a_smaller_image_of_the_same_shape_is_not_cut(cut_small):
    assert size_in_one((48, 64)) == (48, 64) and size_in_one((480, 640)) == (48, 64)
    assert size_in_one((1, 10**6)) == (1, 55425)


@torch.inference_mode()
def test_scores_of_tiles_are_those_of_the_whole_where_a_pixel_sees_itself_alone(networks, picture, request):
    whole = softmax(networks, picture)
    request.getfixturevalue("cut_small")
    assert not softmax.sees_whole(networks, picture)
    for tile, scores in softmax.tiles(networks, picture):
        assert torch.equal(scores[:, tile.inner[0], tile.inner[1]], whole[:, tile.core[0], tile.core[1]])
    assert (networks(picture.pixels) == picture.label).all()
    assert np.array_equal(networks.scores(picture.pixels), whole.numpy())
    assert np.array_equal(networks.scores(picture.pixels, np.array([1, 1])), whole.numpy())


@torch.inference_mode()
def test_each_core_has_prototypes_of_its_own_and_retrieval_goes_by_tiles(networks, picture, cut_small):
    found = image_prototypes(networks, picture)
    assert found.segment.shape == picture.size and found.segment.max() == len(found.label) - 1
    agree = (found.label[found.segment] == picture.label).mean()
    for number in range(len(found.label)):
        assert found.label[number] == np.bincount(picture.label[found.segment == number]).argmax()
    assert agree > 0.7 and len(prototype_pyramid(networks, picture).label) > 2 * len(found.label)
    networks.remember(found)
    assert (networks.retrieve(picture.pixels) == picture.label).mean() > 0.5
    assert retrieval.mask(networks, picture).shape == picture.size


def test_maps_of_wanted_tags_are_put_together_from_tiles(networks, picture, request):
    config, image = networks.config, picture.unit_range()

    def maps_of(image):
        return nn.functional.avg_pool2d(image, 8, ceil_mode=True)

    whole = activation_maps(maps_of, image, config, networks.device)
    request.getfixturevalue("cut_small")
    found = activation_maps(maps_of, image, config, networks.device, keep=[2, 0])
    assert found.shape == (2, 120, 160) and (found.amax((1, 2)) == 1).all()
    assert (found - whole[[2, 0]]).abs().mean() < 0.05
    assert activation_maps(maps_of, image, config, networks.device, keep=[]).shape == (0, 120, 160)


def test_an_image_is_shrunk_with_all_that_is_known_of_it(picture):
    image = InputImage(picture.pixels, picture.label, picture.label, {1: (picture.label == 1).astype(np.float32)})
    small = image.within(80, 3)
    assert small.size == small.label.shape == small.instance.shape == small.cam[1].shape == (60, 80)
    assert small.result_size == (120, 160) and small.within(20, 3).result_size == (120, 160)
    assert image.within(160, 3) is image and image.within(0, 3) is image
