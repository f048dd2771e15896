"""Confusion matrix, IoU and pixel accuracy against the published figures and a plain loop."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spml.evaluation.confusion import ClassScores, class_scores, confusion_matrix, iou, mean_iou, pixel_accuracy

GOLDEN = Path(__file__).parent.parent / "golden" / "miou.npz"


def plain_iou(prediction, truth, num_classes):
    scores = []
    for c in range(num_classes):
        both = either = 0
        for p, t in zip(prediction.ravel(), truth.ravel(), strict=True):
            if t < num_classes:
                both += p == c and t == c
                either += p == c or t == c
        scores.append(100.0 * both / either if either else 0.0)
    return np.array(scores)


def test_figures_equal_the_published_ones():
    golden = np.load(GOLDEN)
    classes = int(golden["num_classes"])
    matrix = sum(confusion_matrix(p, t, classes) for p, t in zip(golden["pred"], golden["gt"], strict=True))
    np.testing.assert_allclose(iou(matrix), golden["iou"], rtol=1e-4)
    assert mean_iou(matrix) == pytest.approx(float(golden["mean_iou"]), rel=1e-4)
    assert pixel_accuracy(matrix) == pytest.approx(float(golden["pixel_accuracy"]), rel=1e-6)


labels = arrays(np.uint8, (3, 5), elements=st.sampled_from([0, 1, 2, 3, 4, 254, 255]))


@given(labels, labels)
def test_iou_equals_a_plain_loop_whatever_the_labels(prediction, truth):
    np.testing.assert_allclose(iou(confusion_matrix(prediction, truth, 4)), plain_iou(prediction, truth, 4))


@given(labels, labels)
def test_matrix_counts_every_labelled_pixel_once_in_its_true_row(prediction, truth):
    matrix = confusion_matrix(prediction, truth, 4)
    assert matrix.shape == (4, 5) and matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix.sum(axis=1), [np.sum(truth == c) for c in range(4)])


def test_prediction_that_is_no_class_is_missed_by_its_true_class_and_charged_to_no_other():
    truth = np.array([1, 1, 2, 2], np.uint8)
    matrix = confusion_matrix(np.array([1, 255, 2, 2], np.uint8), truth, 3)
    np.testing.assert_allclose(iou(matrix), [0, 50, 100])
    assert pixel_accuracy(matrix) == 0.75


def test_pixels_whose_truth_is_no_class_do_not_count():
    truth = np.array([0, 3, 254, 255], np.uint8)
    assert confusion_matrix(np.zeros(4, np.uint8), truth, 3).sum() == 1


def test_classes_that_occur_nowhere_count_as_zero_in_the_mean():
    label = np.array([0, 1], np.uint8)
    assert mean_iou(confusion_matrix(label, label, 4)) == 50.0


def test_many_classes_do_not_overflow_eight_bits():
    label = np.arange(200, dtype=np.uint8)
    np.testing.assert_array_equal(iou(confusion_matrix(label, label, 200)), 100.0)


def test_nothing_labelled_scores_zero():
    matrix = confusion_matrix(np.zeros(4, np.uint8), np.full(4, 255, np.uint8), 3)
    assert mean_iou(matrix) == pixel_accuracy(matrix) == 0.0


def test_figures_of_a_set_of_masks_stand_together():
    truth = np.array([0, 0, 1, 1], np.uint8)
    matrix = confusion_matrix(np.array([0, 0, 1, 0], np.uint8), truth, 2)
    assert class_scores(matrix, images=3) == ClassScores((200 / 3 + 50) / 2, [200 / 3, 50.0], 0.75, 3)


@given(labels, labels)
def test_classes_that_the_truth_never_shows_are_left_out_where_asked(prediction, truth):
    scores = class_scores(confusion_matrix(prediction, truth, 4), 1, leave_out_absent=True)
    each = plain_iou(prediction, truth, 4)
    present = [c for c in range(4) if (truth == c).any()]
    assert scores.left_out == [c for c in range(4) if c not in present]
    np.testing.assert_allclose(scores.iou, each)
    assert scores.mean_iou == pytest.approx(np.mean(each[present]) if present else 0)
