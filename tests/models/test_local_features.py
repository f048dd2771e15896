"""Location and colour features against the published figures and plain loops."""

import pytest
import torch

from spml.models.local_features import LocationColourFeatures, LocationFeatures, distance_kernel, location_features


def test_locations_equal_the_published_ones(golden):
    figures = golden("location_features")
    got = location_features(*figures["size"].tolist())
    torch.testing.assert_close(got, figures["features"], rtol=1e-4, atol=1e-5)


def test_locations_run_from_minus_to_plus_one_half_down_and_right():
    got = location_features(3, 5)
    assert got[:, 0, 0].tolist() == [-0.5, 0, 0.5]
    assert got[0, :, 1].tolist() == [-0.5, -0.25, 0, 0.25, 0.5]


def test_colour_features_equal_the_published_ones(golden):
    figures = golden("location_colour_features")
    torch.testing.assert_close(distance_kernel(), figures["kernel"], rtol=1e-4, atol=1e-6)
    got = LocationColourFeatures()(figures["image"], figures["size"].tolist())
    torch.testing.assert_close(got, figures["features"], rtol=1e-4, atol=1e-5)


def test_colour_features_equal_a_plain_loop():
    image = torch.rand(1, 3, 9, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight = [[((i - 2) ** 2 + (j - 2) ** 2) ** 0.5 for j in range(5)] for i in range(5)]
    total = sum(map(sum, weight))
    smooth = torch.zeros(3, 5, 4, dtype=torch.float64)
    for c in range(3):
        for y in range(5):
            for x in range(4):
                window = image[0, c, y : y + 5, x : x + 5]
                smooth[c, y, x] = sum(window[i, j] * weight[i][j] / total for i in range(5) for j in range(5))
    colour = smooth - smooth.mean((1, 2), keepdim=True)
    colour = colour / colour.abs().amax((1, 2), keepdim=True)
    got = LocationColourFeatures()(image, (5, 4))
    torch.testing.assert_close(got[0, ..., 2:].double(), colour.permute(1, 2, 0), rtol=1e-4, atol=1e-5)
    assert torch.equal(got[0, ..., :2], location_features(5, 4))


def test_an_image_of_one_colour_has_no_colour_contrast():
    got = LocationColourFeatures()(torch.full((1, 3, 12, 12), 0.3), (8, 8))
    assert torch.isfinite(got).all()


def test_the_colour_filter_is_a_parameter_that_is_not_trained():
    module = LocationColourFeatures()
    assert [n for n, _ in module.named_parameters()] == ["smooth_kernel.weight"]
    assert not module.smooth_kernel.weight.requires_grad
    assert not list(LocationFeatures().parameters())


@pytest.mark.parametrize("module", [LocationFeatures(), LocationColourFeatures()])
def test_features_are_float32_at_the_wanted_size_under_autocast(module):
    with torch.autocast("cpu", torch.bfloat16):
        got = module(torch.rand(2, 3, 16, 20), (4, 5))
    assert got.dtype == torch.float32
    assert got.shape[:3] == (2, 4, 5)
