"""Score by instances: every object counts the same, however many pixels it has."""

from dataclasses import dataclass

import numpy as np

from spml.evaluation.confusion import confusion_matrix, iou


@dataclass(frozen=True)
class InstanceScores:
    """Figures of a set of masks, IoU in percent: mean over the classes, each class's, over all instances alike.

    mean_iou and instance_iou are the two readings of "divided by the number of instances"; instances: number of them
    in each class; images: number of images.
    """

    mean_iou: float
    iou: list[float]
    instance_iou: float
    instances: list[int]
    images: int


def instances_per_class(truth: np.ndarray, instances: np.ndarray, num_classes: int) -> np.ndarray:
    """Count the instances of each class in an image, int64 [K].

    truth, instances: H×W integers of at most 8 bits. Every id that occurs is an instance, 0 and 255 included; its class
    is the majority of the truth inside its mask (ties: the smallest). One whose majority is no class is not counted.
    """
    pairs = instances.astype(np.int64).ravel() * 256 + truth.ravel()
    votes = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
    classes = votes[votes.any(axis=1)].argmax(axis=1)
    return np.bincount(classes, minlength=256)[:num_classes]


def weighted_iou(
    prediction: np.ndarray, truth: np.ndarray, instances: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """An image's IoU of each class times its number of instances, in percent, and these numbers: two arrays [K].

    prediction, truth, instances: H×W integers of at most 8 bits.
    """
    count = instances_per_class(truth, instances, num_classes)
    return iou(confusion_matrix(prediction, truth, num_classes)) * count, count


def instance_scores(total: np.ndarray, count: np.ndarray, images: int) -> InstanceScores:
    """The figures of so many images from the sums of their weighted IoU and of their numbers of instances, [K] each.

    A class without an instance has 0. At least one instance must have a class.
    """
    scores = total / count.clip(1)
    return InstanceScores(
        float(scores.mean()), scores.tolist(), float(total.sum() / count.sum()), count.tolist(), images
    )
