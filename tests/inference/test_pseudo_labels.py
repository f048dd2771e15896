"""Seeds and what is done to them before and after they walk."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from spml.data.boxes import Box
from spml.inference import pseudo_labels, region_labels
from spml.inference.gallery import empty_gallery
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.pseudo_labels import nearest_label_shares, present_classes, to_peak_one, walk_size
from spml.inference.region_labels import class_weights


class Halves(nn.Module):
    """An embedding that tells left from right by brightness: image N×3×H×W → N×2×H/4×W/4."""

    def forward(self, image):
        bright = nn.functional.avg_pool2d((image.mean(1, keepdim=True) > 0).float(), 4, ceil_mode=True)
        return torch.cat([bright, 1 - bright], 1)


@pytest.fixture
def halves(tiny_config):
    """Networks for an image whose right half is bright; its classifier knows nothing."""
    config = tiny_config(dataset={"num_classes": 3}, network={"embedding_dim": 2, "kmeans_num_clusters": [2, 2]})
    classifier = nn.Conv2d(2, 3, 1)
    nn.init.zeros_(classifier.weight)
    return Networks(Halves(), classifier, empty_gallery(2, torch.device("cpu")), config, torch.device("cpu"))


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("size", "small"), [((78, 67), (9, 8)), ((8, 7), (1, 1)), ((3, 500), (1, 62))])
def test_labels_walk_at_an_eighth(size, small):
    assert walk_size(size) == small


def test_present_are_the_classes_of_the_weak_label_alone():
    image = InputImage(np.zeros((2, 3, 3), np.uint8), np.array([[0, 2, 254], [255, 3, 4]], np.uint8))
    assert present_classes(image, 4).tolist() == [True, False, True, True]


def test_present_classes_peak_at_one_and_the_others_vanish():
    scores = drawn(4, 3, 5)
    scores[2] = 0  # present, but seen nowhere
    peaked = to_peak_one(scores, torch.tensor([True, False, True, True]))
    torch.testing.assert_close(peaked.amax((1, 2)), torch.tensor([1.0, 0, 0, 1]))
    torch.testing.assert_close(peaked[3], scores[3] / scores[3].max())


def test_retrieval_seeds_are_scaled_by_no_less_than_a_floor(halves, monkeypatch):
    scores = torch.stack([drawn(3, 5), 0.05 * drawn(3, 5, seed=1), 0.5 * drawn(3, 5, seed=2)])
    image = InputImage(np.zeros((3, 5, 3), np.uint8), np.array([[0, 1, 254, 254, 254]] * 3, np.uint8))
    asked = []
    halves.look = lambda pixels, *views: asked.append(views)
    monkeypatch.setattr(pseudo_labels, "retrieval_of", lambda networks, looks, size: scores)
    seeds = pseudo_labels.retrieval_seeds(halves, image)
    assert asked == [((0.5, 1, 1.5, 2),)]
    torch.testing.assert_close(seeds, torch.stack([scores[0] / scores[0].max(), scores[1] / 0.15, scores[2]]))


def test_self_training_keeps_the_scores_of_the_classes_that_the_weak_label_names(halves, monkeypatch):
    scores = drawn(4, 3, 5)
    image = InputImage(np.zeros((3, 5, 3), np.uint8), np.array([[0, 2, 254, 255, 254]] * 3, np.uint8))
    asked = []
    halves.look = lambda pixels, *views: asked.append(views)
    monkeypatch.setattr(pseudo_labels, "softmax_of", lambda networks, looks, size: asked.append(size) or scores)
    found = pseudo_labels.softmax_within_label(halves, image)
    assert asked == [([1],), (3, 5)]
    assert found[[0, 2]].equal(scores[[0, 2]]) and not found[[1, 3]].any()
    tagged = pseudo_labels.softmax_within_label(halves, replace(image, classes=(3,)))
    assert tagged[[0, 2, 3]].equal(scores[[0, 2, 3]]) and not tagged[1].any()


def test_regions_take_their_mean_scores_and_the_class_of_their_labels(halves, monkeypatch):
    scores = drawn(4, 3, 5).softmax(0)
    regions = np.array([[0, 0, 1, 1, 3], [0, 0, 1, 4, 3], [0, 5, 5, 4, 4]], np.uint8)  # 2 is no region
    labels = np.array([[2, 254, 254, 254, 0], [254, 254, 254, 255, 2], [254, 254, 254, 254, 3]], np.uint8)
    monkeypatch.setattr(pseudo_labels, "softmax_of", lambda *args: scores)
    found = region_labels.softmax_regions(halves, InputImage(np.zeros((3, 5, 3), np.uint8), labels, regions)).numpy()
    present = [0, 2, 3]
    share = scores.numpy()[present] / scores.numpy()[present].sum(0)
    for y, x in np.ndindex(3, 5):
        inside = regions == regions[y, x]
        classes = set(labels[inside]) & set(present)
        if len(classes) == 1:
            expected = [0.98 if label in classes else 0.02 for label in present]
        else:  # none, or two that contradict each other
            expected = share[:, inside].mean(1)
        np.testing.assert_allclose(found[present, y, x], expected, rtol=1e-5)
        assert found[1, y, x] == 0


@pytest.mark.parametrize("background", ["0", "none"])
def test_boxes_weigh_the_scores_and_without_a_background_classes_are_balanced(
    halves, tiny_config, monkeypatch, background
):
    scores = drawn(3, 3, 5).softmax(0)
    regions = np.array([[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [0, 3, 3, 3, 2]], np.uint8)
    monkeypatch.setattr(region_labels, "softmax_within_label", lambda *args: scores)
    halves.config = tiny_config(dataset={"num_classes": 3, "background": background})
    image = InputImage(np.zeros((3, 5, 3), np.uint8), None, regions, classes=(0, 1, 2), boxes=(Box(2, 1, 0, 4, 2),))
    weighed = scores.numpy() * 1
    weighed[2] = 0
    weighed[2, :2, 1:4] = scores[2, :2, 1:4] * 15 / 6
    weighed /= weighed.sum(0)
    if background == "none":
        weighed /= weighed.mean((1, 2), keepdims=True)
        weighed /= weighed.sum(0)
    expected = np.zeros_like(weighed)
    for region in range(4):
        inside = regions == region
        expected[:, inside] = weighed[:, inside].mean(1, keepdims=True)
    np.testing.assert_allclose(region_labels.softmax_regions(halves, image), expected, rtol=1e-5)


@pytest.mark.parametrize("background", ["0", "none"])
def test_all_outside_the_boxes_has_no_score_without_a_background(halves, tiny_config, monkeypatch, background):
    monkeypatch.setattr(pseudo_labels, "softmax_of", lambda *args: torch.full((3, 2, 6), 1 / 3))
    halves.config = tiny_config(dataset={"num_classes": 3, "background": background})
    pixels, regions = np.zeros((2, 6, 3), np.uint8), np.array([[0, 0, 1, 1, 2, 2]] * 2, np.uint8)
    boxes = (Box(0, 2, 0, 4, 2), Box(1, 3, 0, 5, 2))

    def scored(boxes, label=None):
        image = InputImage(pixels, label, regions, classes=(0, 1), boxes=boxes)
        return (region_labels.softmax_regions(halves, image) > 0).any(0)[0].tolist()

    within = [False, False, True, True, True, False] if background == "none" else [True] * 6
    assert scored(boxes) == within
    assert scored(boxes[:1]) == [True] * 6  # class 1 may be anywhere
    assert scored(None) == [True] * 6
    label = np.full((2, 6), 254, np.uint8)
    label[0, 2] = 0
    assert scored(boxes, label) == within
    label[0, 5] = 1  # a dot of a class beside its box
    assert scored(boxes, label) == [True] * 6


def test_a_class_that_is_labelled_outside_its_boxes_may_be_anywhere_and_nothing_is_left_without_a_class():
    boxes = (Box(1, 0, 0, 2, 2), Box(2, 1, 1, 3, 2))
    pixels, label = np.zeros((2, 4, 3), np.uint8), np.full((2, 4), 254, np.uint8)
    weights = class_weights(InputImage(pixels, label, boxes=boxes), 3)
    assert weights[1].tolist() == [[2, 2, 1, 1], [2, 2, 0, 1]]  # where no class is left, all
    assert weights[2].tolist() == [[0, 0, 1, 1], [0, 4, 4, 1]]
    assert (weights[0] == 1).all()
    label[0, 3] = 1
    assert class_weights(InputImage(pixels, label, boxes=boxes), 3)[1].tolist() == [[2, 2, 1, 1], [2, 2, 1, 1]]


def test_the_classes_that_a_regions_labels_name_equal_a_loop():
    generator = torch.Generator().manual_seed(3)
    regions = torch.randint(0, 5, (6, 7), generator=generator)
    regions[regions == 3] = 4  # an id that no pixel has
    for most in (2, 255):  # all labelled; classes, unlabelled and void
        labels = torch.randint(0, most + 1, (6, 7), generator=generator).byte()
        labels[0] = 1
        expected = [[bool((labels[regions == r] == k).any()) for k in range(3)] for r in range(5)]
        assert region_labels.labelled_classes(labels, regions, 3).tolist() == expected
    assert not region_labels.labelled_classes(torch.full((6, 7), 254).byte(), regions, 3).any()


def test_pixels_take_the_class_of_the_nearest_labelled_segment(tiny_config):
    config = tiny_config(network={"kmeans_num_clusters": [2, 3]})
    torch.manual_seed(1)
    embedding = torch.randn(5, 8, 9)
    semantic = torch.full((8, 9), 254)
    semantic[1, 1], semantic[2, 7], semantic[6, 5], semantic[7] = 0, 2, 3, 4
    instance = (torch.arange(9) > 4).long().expand(8, 9)
    segments = pseudo_labels.segment_labelled(embedding, semantic, instance, config)
    v, ids, labels = (x.numpy() for x in (segments.embedding, segments.segment, segments.semantic))
    mean = np.stack([v[ids == s].sum(0) for s in range(ids.max() + 1)])
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    label = [labels[ids == s][0] for s in range(ids.max() + 1)]
    known = [s for s, each in enumerate(label) if each < 4]
    chosen = [label[max(known, key=lambda s: v[p] @ mean[s])] for p in range(len(v))]
    expected = np.zeros((4, len(v)))
    for p, segment in enumerate(ids):
        members = np.flatnonzero(ids == segment)
        for q in members:
            expected[chosen[q], p] += 1 / len(members)
    got = nearest_label_shares(embedding, semantic, instance, config)
    np.testing.assert_allclose(got.flatten(1), expected, atol=1e-6)


def test_an_image_without_a_label_has_no_seeds(tiny_config):
    nothing = torch.full((6, 6), 254)
    shares = nearest_label_shares(torch.randn(3, 6, 6), nothing, torch.zeros_like(nothing), tiny_config())
    assert shares.shape == (4, 6, 6) and shares.abs().max() == 0


def half_bright(height=48, width=64):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 220
    label = np.full((height, width), 254, np.uint8)
    label[20:24, 4:8], label[8:12, 50:54] = 0, 2
    return InputImage(pixels, label, np.zeros_like(label))


@torch.inference_mode()
def test_a_seed_in_a_corner_fills_its_half(halves):
    image = half_bright()
    seed = np.zeros(image.size, np.float32)
    seed[:16, -16:] = 1
    image = InputImage(image.pixels, cam={2: seed})
    walked = pseudo_labels.cam_walk(halves, image)
    assert walked.shape == (3, 48, 64) and walked[1].abs().max() == 0
    assert walked[2, :, 40:].min() > 10 * walked[2, :, :24].max()


@torch.inference_mode()
def test_nearest_labels_walk_within_their_half(halves):
    scores = pseudo_labels.nearest_label_walk(halves, half_bright())
    assert (scores.argmax(0)[:, :28] == 0).all() and (scores.argmax(0)[:, 36:] == 2).all()


@torch.inference_mode()
@pytest.mark.parametrize("size", [(48, 64), (5, 7)])
def test_soft_max_walks_only_with_classes_of_the_weak_label(halves, size):
    image = InputImage(np.zeros((*size, 3), np.uint8), np.full(size, 2, np.uint8))
    for score in (pseudo_labels.softmax_walk, pseudo_labels.softmax_walk_pyramid):
        scores = score(halves, image)
        assert scores.shape == (3, *size) and scores[:2].abs().max() == 0
        torch.testing.assert_close(scores[2], torch.ones(size))


@torch.inference_mode()
def test_images_smaller_than_a_step_have_pseudo_labels_too(halves):
    image = InputImage(np.zeros((5, 7, 3), np.uint8), np.full((5, 7), 1, np.uint8), np.zeros((5, 7), np.uint8))
    assert pseudo_labels.nearest_label_walk(halves, image).argmax(0).unique().tolist() == [1]
    seeded = InputImage(image.pixels, cam={1: np.ones((5, 7), np.float32)})
    assert pseudo_labels.cam_walk(halves, seeded).argmax(0).unique().tolist() == [1]


@torch.inference_mode()
def test_without_a_background_only_the_seeds_of_tags_walk(halves):
    halves.config.dataset.background = "none"
    image, seed = half_bright(), np.zeros((48, 64), np.float32)
    seed[:16, -16:] = 1
    walked = pseudo_labels.cam_walk(halves, InputImage(image.pixels, cam={0: seed[:, ::-1], 2: seed}))
    assert walked[1].abs().max() == 0
    assert (walked.argmax(0)[:, :28] == 0).all() and (walked.argmax(0)[:, 36:] == 2).all()
    assert not pseudo_labels.cam_walk(halves, InputImage(image.pixels, cam={})).any()


@torch.inference_mode()
def test_pseudo_labels_of_a_large_image_are_those_of_a_smaller_one_seen_by_tiles(halves, cut_small):
    image = half_bright()
    image = InputImage(*(array.repeat(4, 0).repeat(4, 1) for array in (image.pixels, image.label)))
    cam = {2: np.zeros(image.size, np.float32)}
    cam[2][:64, -64:] = 1
    image = InputImage(image.pixels, image.label, image.label, cam)
    for score in (pseudo_labels.softmax_within_label, pseudo_labels.softmax_walk, pseudo_labels.softmax_walk_pyramid):
        scores = score(halves, image)
        assert scores.shape == (3, 48, 64) and not scores[1].any() and (scores[[0, 2]] > 0).all()
    scores = pseudo_labels.nearest_label_walk(halves, image)
    assert scores.shape == (3, 48, 64)
    assert (scores.argmax(0)[:, :28] == 0).all() and (scores.argmax(0)[:, 36:] == 2).all()
    walked = pseudo_labels.cam_walk(halves, image)
    assert walked[2, :, 40:].min() > 10 * walked[2, :, :24].max()
    regions = InputImage(image.pixels, image.label, (np.arange(256) > 127).astype(np.uint8)[None].repeat(192, 0))
    scores = region_labels.softmax_regions(halves, regions)
    assert (scores.argmax(0)[:, :32] == 0).all() and (scores.argmax(0)[:, 32:] == 2).all()
