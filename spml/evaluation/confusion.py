"""Confusion matrix of label maps, and what is read off it: IoU a class, their mean, pixel accuracy."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ClassScores:
    """Figures of a set of masks: mean IoU and each class's in percent, pixel accuracy in 0..1, number of images.

    left_out: the classes that the mean leaves out.
    """

    mean_iou: float
    iou: list[float]
    pixel_accuracy: float
    images: int
    left_out: list[int] = field(default_factory=list)


def confusion_matrix(prediction: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
    """Count labelled pixels by true class (row) and predicted class (column).

    prediction, truth: integer arrays of one shape. Pixels whose truth is no class (>= K) are left out. Returns int64
    [K, K + 1]: the last column counts pixels whose prediction is no class, so they are missed by their true class
    and charged to no other.
    """
    labelled = truth < num_classes
    row, column = truth[labelled].astype(np.int64), prediction[labelled].astype(np.int64)
    cell = row * (num_classes + 1) + np.minimum(column, num_classes)
    return np.bincount(cell, minlength=num_classes * (num_classes + 1)).reshape(num_classes, num_classes + 1)


def iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, float64 [K] in percent; a class that occurs nowhere has 0."""
    num_classes = len(matrix)
    intersection = np.diagonal(matrix)
    union = matrix.sum(axis=1) + matrix[:, :num_classes].sum(axis=0) - intersection
    return 100.0 * intersection / np.maximum(union, 1)


def mean_iou(matrix: np.ndarray) -> float:
    """The sum of the classes' IoU divided by K, in percent; absent classes count as 0."""
    return float(iou(matrix).sum() / len(matrix))


def pixel_accuracy(matrix: np.ndarray) -> float:
    """The share of labelled pixels that carry their true class, in 0..1; 0 where no pixel is labelled."""
    return float(np.trace(matrix) / max(matrix.sum(), 1))


def absent_classes(matrix: np.ndarray) -> list[int]:
    """The classes of which the truth has no pixel, ascending."""
    return np.flatnonzero(matrix.sum(axis=1) == 0).tolist()


def class_scores(matrix: np.ndarray, images: int, leave_out_absent: bool = False) -> ClassScores:
    """The figures of the confusion matrix [K, K + 1] of so many images together.

    leave_out_absent: whether the mean is over the classes that the truth shows, rather than all K; 0 where it shows
    none.
    """
    each, accuracy = iou(matrix), pixel_accuracy(matrix)
    if not leave_out_absent:
        return ClassScores(mean_iou(matrix), each.tolist(), accuracy, images)
    present = matrix.sum(axis=1) > 0
    mean = float(each[present].sum() / max(present.sum(), 1))
    return ClassScores(mean, each.tolist(), accuracy, images, absent_classes(matrix))
