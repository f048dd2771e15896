"""Class activation maps over scales and mirrored views."""

import numpy as np
import pytest
import torch

from spml.inference.activation_maps import activation_maps

CPU = torch.device("cpu")


def left_and_right(image):
    """Maps that say class 1 at the left and class 2 at the right of what they are shown, as a network of sides does."""
    n, _, height, width = image.shape
    maps = torch.zeros(n, 3, height // 8, width // 8)
    maps[:, 0, :, : width // 16] = 1
    maps[:, 1, :, width // 16 :] = 1
    maps[:, 2] = image.mean(1, keepdim=True)[:, 0, ::8, ::8].clamp_min(0)
    return maps


@pytest.fixture
def image():
    return np.random.default_rng(0).random((32, 48, 3)).astype(np.float32)


def test_each_class_has_its_peak_at_one_over_all_scales(image, tiny_config):
    config = tiny_config(test={"scales": [1.0, 1.5], "crop_size": [32, 32], "stride": [32, 32]})
    maps = activation_maps(left_and_right, image, config, CPU)
    assert maps.shape == (3, 32, 48)
    torch.testing.assert_close(maps.amax((1, 2)), torch.ones(3))


def test_where_classes_have_sides_those_of_a_mirrored_view_change_them(image, tiny_config):
    test = {"crop_size": [32, 32], "stride": [32, 32]}
    mixed = activation_maps(left_and_right, image, tiny_config(test=test), CPU)
    assert torch.equal(mixed[0], mixed[1])
    config = tiny_config(test=test, dataset={"mirror_classes": [0, 2, 1, 3]})
    maps = activation_maps(left_and_right, image, config, CPU)
    assert (maps[0, :, :20] > 0.99).all() and (maps[0, :, 28:] < 0.01).all()
    torch.testing.assert_close(maps[1], 1 - maps[0])
    torch.testing.assert_close(maps[2], mixed[2])


def test_without_a_background_class_0_may_have_sides(image, tiny_config):
    test = {"crop_size": [32, 32], "stride": [32, 32]}
    config = tiny_config(test=test, dataset={"num_classes": 3, "background": "none", "mirror_classes": [1, 0, 2]})
    maps = activation_maps(left_and_right, image, config, CPU)
    assert (maps[0, :, :20] > 0.99).all() and (maps[0, :, 28:] < 0.01).all()
    torch.testing.assert_close(maps[1], 1 - maps[0])
