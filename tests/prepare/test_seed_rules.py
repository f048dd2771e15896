"""Seeds from class activation maps: tags, boxes, part of both, and labels over them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spml.data.boxes import Box
from spml.prepare.seed_rules import cam_box_seeds, lay_under, partial_box_seeds, tag_seeds


def tag_seed_of_pixel(classes, scores, alpha, threshold):
    """Plain oracle of one pixel: scores, one a class."""
    candidates = [(0, (1 - max(scores)) ** alpha), *zip(classes, scores, strict=True)]
    best, best_score = candidates[0]
    for label, score in candidates[1:]:
        if score > best_score:
            best, best_score = label, score
    return best if best_score >= threshold else 254


@given(
    arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=16)), st.floats(0, 1), st.sampled_from([1, 2, 6, 24])
)
def test_tag_seeds_equal_the_plain_rule(scores, threshold, alpha):
    classes = np.array([3, 15])
    seeds = tag_seeds(classes, scores, alpha, threshold)
    for y, x in np.ndindex(3, 4):
        winner = np.float32(max((1 - scores[:, y, x].max()) ** np.float32(alpha), scores[:, y, x].max()))
        if not np.isclose(winner, threshold, atol=1e-6):
            assert seeds[y, x] == tag_seed_of_pixel(classes, scores[:, y, x], alpha, threshold)


def test_tag_seeds_of_the_recipe():
    scores = np.array([[[0.0, 0.1, 0.21, 0.23, 0.9]], [[0.0, 0.0, 0.0, 0.0, 0.95]]], np.float32)
    # (1 - 0.21)^6 = 0.243 beats 0.21; (1 - 0.23)^6 = 0.208 does not beat 0.23.
    assert tag_seeds(np.array([5, 9]), scores).tolist() == [[0, 0, 0, 5, 9]]
    assert tag_seeds(np.array([5, 9]), scores, threshold=0.24).tolist() == [[0, 0, 0, 254, 9]]


def test_boxes_scale_each_cam_within_themselves():
    scores = np.full((1, 4, 6), 0.05, np.float32)
    scores[0, 1, 1:4] = [0.1, 0.16, 0.2]
    seeds = cam_box_seeds(np.array([7]), scores, [Box(7, 1, 1, 4, 2)])
    assert seeds[1].tolist() == [0, 254, 7, 7, 0, 0]
    assert not seeds[[0, 2, 3]].any()


def test_the_larger_score_wins_where_boxes_overlap():
    scores = np.zeros((2, 1, 4), np.float32)
    scores[0, 0], scores[1, 0] = [0.5, 0.4, 0.3, 0.0], [0.0, 0.02, 0.09, 0.1]
    boxes = [Box(1, 0, 0, 4, 1), Box(2, 0, 0, 4, 1)]
    for order in (boxes, boxes[::-1]):
        assert cam_box_seeds(np.array([1, 2]), scores, order).tolist() == [[1, 1, 2, 2]]


def test_a_box_without_evidence_stays_unlabelled():
    scores = np.full((1, 3, 3), 0.4, np.float32)
    seeds = cam_box_seeds(np.array([1]), scores, [Box(1, 0, 0, 2, 2), Box(5, 2, 2, 3, 3)])
    assert seeds.tolist() == [[254, 254, 0], [254, 254, 0], [0, 0, 254]]


@given(arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=16)), st.floats(0, 1))
def test_without_a_background_a_pixel_takes_its_highest_class_or_none(scores, threshold):
    seeds = tag_seeds(np.array([0, 7]), scores, 6.0, threshold, background=False)
    for y, x in np.ndindex(3, 4):
        first, second = scores[:, y, x]
        winner = 7 if second > first else 0
        assert seeds[y, x] == (winner if max(first, second) >= threshold else 254)


def test_without_a_background_nothing_is_marked_outside_boxes():
    scores = np.linspace(0, 1, 6, dtype=np.float32).reshape(1, 1, 6)
    boxes = [Box(0, 1, 0, 5, 1)]
    assert cam_box_seeds(np.array([0]), scores, boxes, background=False).tolist() == [[254, 254, 254, 0, 0, 254]]
    assert cam_box_seeds(np.array([0]), scores, [], background=False).tolist() == [[254] * 6]


def test_classes_without_a_box_take_tag_seeds_outside_all_boxes():
    scores = np.array([[[0.9, 0.9, 0.9, 0.9, 0.1]], [[0.0, 0.5, 1.0, 0.0, 0.0]]], np.float32)
    boxes = [Box(2, 1, 0, 3, 1)]
    classes = np.array([1, 2])
    with_background = partial_box_seeds(classes, scores, boxes)
    assert with_background.tolist() == [[1, 254, 2, 1, 0]]
    without = partial_box_seeds(classes, scores, boxes, background=False)
    assert without.tolist() == [[1, 254, 2, 1, 254]]
    only_boxed = partial_box_seeds(classes[1:], scores[1:], boxes)
    assert (only_boxed == cam_box_seeds(classes[1:], scores[1:], boxes)).all()


def test_seeds_lie_under_classes_and_void():
    label = np.array([[0, 2, 3, 254, 255]], np.uint8)
    assert lay_under(np.full((1, 5), 1, np.uint8), label, 3).tolist() == [[0, 2, 1, 1, 255]]


def test_seeds_of_classes_that_the_label_shows_may_be_left_out():
    label, seeds = np.array([[0, 254, 254, 254]], np.uint8), np.array([[1, 0, 1, 254]], np.uint8)
    assert lay_under(seeds, label, 3).tolist() == [[0, 0, 1, 254]]
    assert lay_under(seeds, label, 3, only_missing=True).tolist() == [[0, 254, 1, 254]]
