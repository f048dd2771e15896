"""Seed labels from class activation maps: the rules for tags, for boxes, and under labels that are given."""

from collections.abc import Sequence

import numpy as np

from spml.data.boxes import Box, outside_boxes
from spml.data.labels import UNLABELLED, VOID

TAG_THRESHOLD, BOX_THRESHOLD = 0.2, 0.5


def tag_seeds(
    classes: np.ndarray,
    scores: np.ndarray,
    alpha: float = 6.0,
    threshold: float = TAG_THRESHOLD,
    background: bool = True,
) -> np.ndarray:
    """Seed labels, H×W uint8, from the CAMs of an image's tags: classes [n], scores [n, H, W] in 0..1.

    The background, where there is one, scores (1 − max)^alpha; each pixel takes the highest score among the background
    and the classes (the first of equals), and stays unlabelled where that winning score is below `threshold`.
    """
    if background:
        scores = np.concatenate([(1 - scores.max(0, keepdims=True)) ** alpha, scores])
        classes = np.concatenate([[0], classes])
    seeds = classes[scores.argmax(0)].astype(np.uint8)
    seeds[scores.max(0) < threshold] = UNLABELLED
    return seeds


def cam_box_seeds(
    classes: np.ndarray,
    scores: np.ndarray,
    boxes: Sequence[Box],
    threshold: float = BOX_THRESHOLD,
    background: bool = True,
) -> np.ndarray:
    """Seed labels, H×W uint8, from CAMs (classes [n], scores [n, H, W]) within the objects' boxes.

    In each box the CAM of its class is scaled to 0..1 (minimum to 0, maximum to 1; a CAM that is flat there gives 0);
    a pixel takes the class of its highest scaled score, and stays unlabelled below `threshold`. Outside all boxes is
    background; where the data set has none, unlabelled.
    """
    best = np.full(scores.shape[1:], -1, np.float32)
    seeds = np.full(scores.shape[1:], 0 if background else UNLABELLED, np.uint8)
    for box in boxes:
        part = box.inside
        found = np.flatnonzero(classes == box.class_id)
        scaled = _scale(scores[found[0]][part]) if found.size else np.zeros_like(best[part])
        better = scaled > best[part]
        best[part][better] = scaled[better]
        seeds[part][better] = np.where(scaled >= threshold, box.class_id, UNLABELLED)[better]
    return seeds


def partial_box_seeds(
    classes: np.ndarray,
    scores: np.ndarray,
    boxes: Sequence[Box],
    alpha: float = 6.0,
    thresholds: tuple[float, float] = (TAG_THRESHOLD, BOX_THRESHOLD),
    background: bool = True,
) -> np.ndarray:
    """Box seeds, and outside all boxes the tag seeds of the classes that have no box here.

    thresholds: of tags and of boxes.
    """
    seeds = cam_box_seeds(classes, scores, boxes, thresholds[1], background)
    rest = ~np.isin(classes, [box.class_id for box in boxes])
    if not rest.any():
        return seeds
    return np.where(
        outside_boxes(boxes, seeds.shape),
        tag_seeds(classes[rest], scores[rest], alpha, thresholds[0], background),
        seeds,
    )


def lay_under(seeds: np.ndarray, label: np.ndarray, num_classes: int, only_missing: bool = False) -> np.ndarray:
    """A label map with its unlabelled pixels taken from the seeds, H×W uint8; classes and void stay as they are.

    only_missing: whether classes that the label shows are left out of the seeds.
    """
    if only_missing:
        seeds = np.where(np.isin(seeds, np.unique(label)), np.uint8(UNLABELLED), seeds)
    return np.where((label >= num_classes) & (label != VOID), seeds, label)


def _scale(cam: np.ndarray) -> np.ndarray:
    lowest, span = cam.min(), np.ptp(cam)
    return (cam - lowest) / span if span > 0 else np.zeros_like(cam)
