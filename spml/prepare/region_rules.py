"""Seed labels by regions of an over-segmentation: of boxes without any network, and activation maps averaged."""

from collections.abc import Sequence

import numpy as np

from spml.data.boxes import Box, box_weights, outside_boxes
from spml.data.labels import UNLABELLED
from spml.prepare.seed_rules import TAG_THRESHOLD, tag_seeds

BALANCE = 0.5  # power of a class's mean score in the image, by which its scores are divided
BOX_SHARE = 0.8  # of a region that must lie within the boxes of its class, where the rest may be background


def averaged_over_regions(values: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Values [n, H, W] averaged over each region of a map of ids [H, W] from 0, at each of its pixels: [n, H, W]."""
    ids = regions.ravel()
    sizes = np.bincount(ids).clip(1)
    means = np.stack([np.bincount(ids, weights=value.ravel()) / sizes for value in values])
    return means[:, regions].astype(values.dtype)


def region_box_seeds(boxes: Sequence[Box], regions: np.ndarray, background: bool = True) -> np.ndarray:
    """Seed labels, H×W uint8, of boxes alone: each region takes the class of the largest mean weight (`box_weights`).

    With a background, regions of which less than BOX_SHARE lies within the boxes of that class are background; without
    one, pixels outside all boxes are unlabelled.
    """
    classes = sorted({box.class_id for box in boxes})
    if not classes:
        return np.full(regions.shape, 0 if background else UNLABELLED, np.uint8)
    weights = box_weights(classes, boxes, regions.shape)
    best = averaged_over_regions(weights, regions).argmax(0)
    seeds = np.array(classes, np.uint8)[best]
    if background:
        inside = np.take_along_axis(averaged_over_regions((weights > 0).astype(np.float32), regions), best[None], 0)[0]
        return np.where(inside < BOX_SHARE, np.uint8(0), seeds)
    return np.where(outside_boxes(boxes, regions.shape), np.uint8(UNLABELLED), seeds)


def region_tag_seeds(
    classes: np.ndarray,
    scores: np.ndarray,
    regions: np.ndarray,
    alpha: float = 6.0,
    threshold: float = TAG_THRESHOLD,
    background: bool = True,
) -> np.ndarray:
    """Seed labels, H×W uint8, as `tag_seeds` of the scores [n, H, W] averaged over each region.

    Without a background the classes are balanced: each wins somewhere more easily, since the tags say that it is there.
    """
    means = averaged_over_regions(scores, regions)
    if background:
        return tag_seeds(classes, means, alpha, threshold)
    seeds = classes[averaged_over_regions(balanced(scores), regions).argmax(0)].astype(np.uint8)
    seeds[means.max(0) < threshold] = UNLABELLED
    return seeds


def balanced(scores: np.ndarray) -> np.ndarray:
    """Scores [n, H, W] as shares of each pixel, those of a class divided by their mean to the power BALANCE."""
    tiny = np.float32(1e-6)
    shares = scores / np.maximum(scores.sum(0), tiny)
    return shares / np.maximum(shares.mean((1, 2), keepdims=True), tiny) ** BALANCE
