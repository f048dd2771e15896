"""Geometry and colour of images and label maps: published figures, and properties that hold for every size."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spml.data import transforms as T
from spml.data.datasets import Augmentation

MEAN = (0.485, 0.456, 0.406)


def test_resizing_equals_the_published_one(golden):
    figures = {k: v.numpy() for k, v in golden("resize").items()}
    size = T.scaled_size(figures["image"].shape[:2], float(figures["ratio"]))
    np.testing.assert_allclose(T.resize_image(figures["image"], size), figures["image_out"], rtol=1e-4, atol=1e-5)
    labels = [T.resize_label(np.ascontiguousarray(figures["label"][..., i]), size) for i in range(2)]
    np.testing.assert_array_equal(np.stack(labels, -1), figures["label_out"])


def test_resizing_the_longest_side_equals_the_published_one(golden):
    figures = {k: v.numpy() for k, v in golden("resize_longest_side").items()}
    size = T.longest_side_size(figures["image"].shape[:2], int(figures["size"]))
    np.testing.assert_allclose(T.resize_image(figures["image"], size), figures["out"], rtol=1e-4, atol=1e-5)


def test_padding_equals_the_published_one(golden):
    figures = {k: v.numpy() for k, v in golden("resize_with_pad").items()}
    padded = T.pad_to(figures["image"], figures["size"].tolist(), figures["value"])
    np.testing.assert_allclose(padded, figures["out"], rtol=1e-4, atol=1e-5)


def test_the_longest_side_is_left_alone_where_none_is_wanted():
    assert T.longest_side_size((30, 41), 0) == (30, 41)


@given(st.integers(1, 700), st.integers(1, 700), st.floats(0.001, 3))
def test_a_scaled_size_is_rounded_down_and_never_nothing(height, width, ratio):
    assert T.scaled_size((height, width), ratio) == (max(1, int(ratio * height)), max(1, int(ratio * width)))


def test_normalising_takes_away_the_mean_and_divides_by_the_deviation():
    image = np.full((2, 2, 3), 0.5, np.float32)
    got = T.normalise(image, (0.5, 0.4, 0.6), (1, 0.1, 0.2))
    np.testing.assert_allclose(got[0, 0], [0, 1, -0.5], atol=1e-6)
    assert got.dtype == np.float32


def test_grey_is_the_weighted_sum_of_the_channels():
    image = np.random.default_rng(0).random((3, 4, 3), np.float32)
    expected = 0.3 * image[..., 0] + 0.59 * image[..., 1] + 0.11 * image[..., 2]
    np.testing.assert_allclose(T.grey(image), np.repeat(expected[..., None], 3, -1), rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 5.0])
def test_blur_is_a_normalised_kernel_over_a_reflected_border(sigma):
    image = np.random.default_rng(0).random((6, 7, 3), np.float32)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    out, total = np.zeros_like(image), 0.0
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            weight = np.exp(-(dx**2 + dy**2) / sigma**2)
            out += weight * padded[2 + dy : 8 + dy, 2 + dx : 9 + dx]
            total += weight
    np.testing.assert_allclose(T.blur(image, sigma), out / total, rtol=1e-4, atol=1e-6)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=12))
def test_mirrored_classes_are_exchanged_and_all_other_labels_kept(row):
    classes = (0, 1, 3, 2)
    label = np.array([row], np.uint8)
    got = T.mirror_semantic(label, classes)
    expected = [classes[v] if v < len(classes) else v for v in reversed(row)]
    assert got[0].tolist() == expected
    assert (T.mirror_semantic(got, classes) == label).all()
    assert (T.mirror_semantic(label, ()) == label[:, ::-1]).all()


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_mirrored_tags_follow_the_classes(tags):
    tags = np.array(tags)
    assert T.mirror_tags(tags, (0, 1, 3, 2)).tolist() == [tags[0], tags[1], tags[3], tags[2]]
    assert T.mirror_tags(tags, (1, 2, 3, 0)).tolist() == [tags[3], tags[0], tags[1], tags[2]]
    assert T.mirror_tags(tags, ()).tolist() == tags.tolist()


TAGS = np.zeros(4, bool)


def coordinates(height, width):
    """An image whose red and green are the row and the column, a label map of rows, and one of columns."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    image = np.stack([rows, columns, np.full_like(rows, 200)], -1).astype(np.float32) / 255
    return image, rows, columns


sizes = st.tuples(st.integers(5, 60), st.integers(5, 60))


@settings(max_examples=60)
@given(sizes, sizes, st.integers(0, 10**6), st.booleans(), st.booleans())
def test_image_and_both_label_maps_move_together(size, crop, seed, mirror, random_crop):
    augment = Augmentation(crop, MEAN, mirror=mirror, scale=None, random_crop=random_crop)
    image, rows, columns, _ = augment(*coordinates(*size), TAGS, np.random.default_rng(seed))
    assert image.shape == (*crop, 3)
    assert rows.shape == columns.shape == crop
    inside = image[..., 2] > 0.6
    assert (np.round(image[..., 0] * 255) == rows)[inside].all()
    assert (np.round(image[..., 1] * 255) == columns)[inside].all()
    assert (rows[~inside] == 255).all()
    assert (columns[~inside] == 255).all()
    np.testing.assert_allclose(image[~inside], np.broadcast_to(np.float32(MEAN), image[~inside].shape))
    assert inside.sum() == min(size[0], crop[0]) * min(size[1], crop[1])


@settings(max_examples=60)
@given(sizes, sizes, st.integers(0, 10**6))
def test_image_and_labels_move_together_when_scaled(size, crop, seed):
    augment = Augmentation(crop, MEAN, scale=(0.5, 1.5))
    image, rows, columns, _ = augment(*coordinates(*size), TAGS, np.random.default_rng(seed))
    inside = rows != 255
    for channel, label in ((0, rows), (1, columns)):
        offset = np.abs(image[..., channel] * 255 - label)[inside]
        assert offset.max(initial=0) <= 2  # nearest takes the pixel before, bilinear weighs the two beside it
    assert (columns[~inside] == 255).all()
    assert np.allclose(image[~inside], MEAN)
    assert np.allclose(image[inside][:, 2], 200 / 255, atol=1e-3)


def test_mirroring_happens_half_of_the_time():
    augment = Augmentation((1, 2), MEAN, scale=None)
    rng = np.random.default_rng(0)
    image, label = np.zeros((1, 2, 3), np.float32), np.array([[1, 2]], np.uint8)
    mirrored = [augment(image, label, label, TAGS, rng)[1][0, 0] == 2 for _ in range(400)]
    assert 150 < sum(mirrored) < 250


def test_scales_spread_over_the_whole_range():
    augment = Augmentation((1, 400), MEAN, mirror=False, scale=(0.5, 1.5), random_crop=False)
    image, label = np.zeros((2, 200, 3), np.float32), np.zeros((2, 200), np.uint8)
    rng = np.random.default_rng(0)
    ratios = [(augment(image, label, label, TAGS, rng)[1] != 255).sum() / 200 for _ in range(200)]
    assert 0.5 <= min(ratios) < 0.55
    assert 1.45 < max(ratios) <= 1.5


def test_crops_reach_every_start_but_the_last():
    augment = Augmentation((1, 3), MEAN, mirror=False, scale=None)
    rng = np.random.default_rng(0)
    label = np.arange(7, dtype=np.uint8)[None]
    starts = {int(augment(np.zeros((1, 7, 3), np.float32), label, label, TAGS, rng)[1][0, 0]) for _ in range(200)}
    assert starts == {0, 1, 2, 3}
    fixed = Augmentation((1, 3), MEAN, mirror=False, scale=None, random_crop=False)
    assert fixed(np.zeros((1, 7, 3), np.float32), label, label, TAGS, rng)[1][0, 0] == 0


def test_classifier_training_turns_some_images_grey_and_blurs_some():
    augment = Augmentation((8, 8), MEAN, mirror=False, scale=None, random_crop=False, colour=True)
    image = np.random.default_rng(1).random((8, 8, 3), np.float32)
    label = np.zeros((8, 8), np.uint8)
    rng = np.random.default_rng(0)
    results = [augment(image, label, label, TAGS, rng)[0] for _ in range(300)]
    grey = sum(bool(np.ptp(r, axis=-1).max() < 1e-6) for r in results)
    untouched = sum(bool((r == image).all()) for r in results)
    assert 60 < grey < 120
    assert 75 < untouched < 135


def test_opencv_uses_one_thread_in_each_worker():
    assert cv2.getNumThreads() <= 1
