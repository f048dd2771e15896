"""Confusion matrix of label maps, and what is read off it: IoU a class, their mean, pixel accuracy."""

import numpy as np


def confusion_matrix(prediction, truth, num_classes):
    """Count labelled pixels by true class (row) and predicted class (column).

    prediction, truth: integer arrays of one shape. Pixels whose truth is no class (>= K) are left out. Returns int64
    [K, K + 1]: the last column counts pixels whose prediction is no class, so they are missed by their true class
    and charged to no other.
    """
    labelled = truth < num_classes
    row, column = truth[labelled].astype(np.int64), prediction[labelled].astype(np.int64)
    cell = row * (num_classes + 1) + np.minimum(column, num_classes)
    return np.bincount(cell, minlength=num_classes * (num_classes + 1)).reshape(num_classes, num_classes + 1)


def iou(matrix):
    """Intersection over union of each class, float64 [K] in percent; a class that occurs nowhere has 0."""
    num_classes = len(matrix)
    intersection = np.diagonal(matrix)
    union = matrix.sum(axis=1) + matrix[:, :num_classes].sum(axis=0) - intersection
    return 100.0 * intersection / np.maximum(union, 1)


def mean_iou(matrix):
    """The sum of the classes' IoU divided by K, in percent; absent classes count as 0."""
    return float(iou(matrix).sum() / len(matrix))


def pixel_accuracy(matrix):
    """The share of labelled pixels that carry their true class, in 0..1; 0 where no pixel is labelled."""
    return float(np.trace(matrix) / max(matrix.sum(), 1))
