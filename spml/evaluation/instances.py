"""Score by instances: every object counts the same, however many pixels it has."""

import numpy as np

from spml.evaluation.confusion import confusion_matrix, iou


def instances_per_class(truth, instances, num_classes):
    """Count the instances of each class in an image, int64 [K].

    truth, instances: H×W integers of at most 8 bits. Every id that occurs is an instance, 0 and 255 included; its class
    is the majority of the truth inside its mask (ties: the smallest). One whose majority is no class is not counted.
    """
    pairs = instances.astype(np.int64).ravel() * 256 + truth.ravel()
    votes = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
    classes = votes[votes.any(axis=1)].argmax(axis=1)
    return np.bincount(classes, minlength=256)[:num_classes]


def instance_scores(prediction, truth, instances, num_classes):
    """The image's IoU of each class times its number of instances, in percent, and these numbers: two arrays [K]."""
    count = instances_per_class(truth, instances, num_classes)
    return iou(confusion_matrix(prediction, truth, num_classes)) * count, count
