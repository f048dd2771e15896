"""Windows cover the image, and what they say is averaged where they overlap."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spml.data.transforms import normalise
from spml.errors import UserError
from spml.inference import windows
from spml.inference.windows import View, average_windows, embed_views, make_views, unit_length, window_ends

CPU = torch.device("cpu")


def identity(values):
    return values


def a_view(height, width, crop, stride, flip=False, seed=0):
    pixels = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    return View(pixels, flip, (crop, crop), (stride, stride))


@given(st.integers(1, 60), st.integers(0, 200), st.integers(1, 60))
def test_windows_cover_each_pixel_from_the_first_to_the_last(crop, beyond, stride):
    size = crop + beyond
    ends = window_ends(size, crop, stride)
    covered = np.zeros(size, int)
    for end in ends:
        assert crop <= end <= size
        covered[end - crop : end] += 1
    assert (ends[0] == crop and ends[-1] == size) or size == crop
    assert len(ends) == -(-beyond // stride) + 1
    if stride <= crop:
        assert covered.min() >= 1


@pytest.mark.parametrize(
    ("size", "crop", "stride", "ends"),
    [(64, 64, 48, [64]), (117, 64, 48, [64, 90, 117]), (65, 64, 48, [64, 65]), (160, 64, 48, [64, 112, 160])],
)
def test_windows_end_at_truncated_even_steps(size, crop, stride, ends):
    assert window_ends(size, crop, stride) == ends


@settings(max_examples=25)
@given(st.integers(3, 30), st.integers(3, 30), st.integers(4, 16), st.data())
def test_overlaps_are_averaged_as_in_a_plain_loop(height, width, crop, data):
    view = a_view(height, width, crop, data.draw(st.integers(1, crop)))
    said = torch.randn(len(view.corners()), 2, crop, crop)
    total, count = torch.zeros(2, *view.canvas), torch.zeros(view.canvas)
    for (bottom, right), values in zip(view.corners(), said, strict=True):
        for y in range(crop):
            for x in range(crop):
                total[:, bottom - crop + y, right - crop + x] += values[:, y, x]
                count[bottom - crop + y, right - crop + x] += 1
    torch.testing.assert_close(average_windows(view, said, identity), total / count)


def test_windows_finished_in_several_batches_are_averaged_alike(monkeypatch):
    view = a_view(40, 33, 16, 8)
    said = torch.randn(len(view.corners()), 3, 4, 4)
    together = average_windows(view, said, unit_length)
    monkeypatch.setattr(windows, "MAX_FINISH_PIXELS", 1)
    torch.testing.assert_close(average_windows(view, said, unit_length), together)
    assert together.shape == (3, 40, 33)


def test_embeddings_have_unit_length_in_each_window_before_they_are_averaged():
    view = a_view(8, 12, 8, 4)
    said = torch.zeros(2, 2, 8, 8)
    said[0, 0], said[1, 1] = 5, 0.1  # directions (1, 0) and (0, 1), of different lengths
    averaged = average_windows(view, said, unit_length)
    torch.testing.assert_close(averaged[:, 0, 0], torch.tensor([1.0, 0]))
    torch.testing.assert_close(averaged[:, 0, 6], torch.tensor([0.5, 0.5]))


def test_the_canvas_is_padded_with_zeros_at_the_right_and_bottom():
    view = a_view(5, 20, 8, 8)
    assert view.canvas == (8, 20) and view.windows().shape == (3, 3, 8, 8)
    together = average_windows(view, view.windows(), identity)
    assert together[:, 5:].abs().max() == 0
    np.testing.assert_allclose(together[:, :5].permute(1, 2, 0), view.pixels, rtol=1e-6)


def test_every_view_brings_its_values_back_to_the_image(config):
    image = np.random.default_rng(0).random((40, 50, 3)).astype(np.float32)
    views = make_views(image, [1], config)
    assert [view.flip for view in views] == [False, True]
    normalised = normalise(image, config.network.pixel_means, config.network.pixel_stds)
    for view in views:
        values = view.to_image(average_windows(view, view.windows(), identity))
        np.testing.assert_allclose(values.permute(1, 2, 0), normalised, rtol=1e-5, atol=1e-6)


def test_views_of_all_scales_come_back_at_the_images_size(config):
    image = np.full((40, 50, 3), 0.5, np.float32)
    for view in make_views(image, [0.5, 1.3, 2], config):
        values = average_windows(view, view.windows(), identity)
        assert values.shape[1:] == view.canvas and view.to_image(values, (40, 50)).shape == (3, 40, 50)
    sizes = [view.size for view in make_views(image, [0.5, 1.3, 2], config, flips=False)]
    assert sizes == [(20, 25), (52, 65), (80, 100)]


def test_a_whole_view_is_one_window_of_at_least_the_crop(config):
    for size, canvas in (((40, 50), (40, 50)), ((20, 50), (32, 50)), ((10, 12), (32, 32))):
        (view,) = make_views(np.zeros((*size, 3), np.float32), [1], config, flips=False, whole=True)
        assert view.canvas == view.crop == canvas and len(view.corners()) == 1


def test_batches_over_all_views_say_what_each_window_alone_says(config, monkeypatch):
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 4, 3, 4, 1)
    image = np.random.default_rng(1).random((40, 50, 3)).astype(np.float32)
    views = make_views(image, [0.5, 1, 1.5], config) + make_views(image, [1], config, whole=True)
    monkeypatch.setitem(windows.MAX_BATCH_PIXELS, "cpu", 5 * 32 * 32)
    with torch.inference_mode():
        for view, embeddings in zip(views, embed_views(network, views, CPU), strict=True):
            alone = torch.cat([network(window[None]) for window in view.windows()])
            torch.testing.assert_close(embeddings, alone)


def test_a_scale_beyond_the_memory_is_refused(tiny_config):
    with pytest.raises(UserError, match="test.scales, 90000: at least .* GiB of memory are needed"):
        make_views(np.zeros((40, 40, 3), np.float32), [90000], tiny_config())
