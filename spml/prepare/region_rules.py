"""Seed labels by regions of an over-segmentation: of boxes without any network, and activation maps averaged."""

from collections.abc import Sequence

import numpy as np

from spml.data.boxes import Box, box_weights
from spml.data.labels import UNLABELLED
from spml.prepare.seed_rules import TAG_THRESHOLD, tag_seeds

BALANCE = 0.5  # power of a class's mean score in the image, by which its scores are divided
LEAST_DIVISOR = np.float32(1e-6)  # what scores are divided by at least
BOX_SHARE = 0.8  # of a region that must lie within the boxes of its class, where the rest may be background


def averaged_over_regions(values: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Values [n, H, W] averaged over each region of a map of ids [H, W] from 0, at each of its pixels: [n, H, W]."""
    ids = regions.ravel()
    sizes = np.bincount(ids).clip(1)
    means = np.stack([np.bincount(ids, weights=value.ravel()) / sizes for value in values])
    return means[:, regions].astype(values.dtype)


def region_box_seeds(boxes: Sequence[Box], regions: np.ndarray, background: bool = True) -> np.ndarray:
    """Seed labels, H×W uint8, of boxes alone: of the classes whose boxes cover a pixel, that of most of its region.

    At each pixel the classes have shares by the weights of their boxes (`box_weights`), which are averaged over each
    region. Pixels outside all boxes are background, or unlabelled where there is none. With a background, so are
    regions of which less than BOX_SHARE lies within the boxes of their class; a box that is left without a pixel of its
    class has no background.
    """
    rest = np.uint8(0 if background else UNLABELLED)
    classes = sorted({box.class_id for box in boxes})
    if not classes:
        return np.full(regions.shape, rest)
    weights = box_weights(classes, boxes, regions.shape)
    covered = weights > 0
    best = (averaged_over_regions(_shares(weights), regions) * covered).argmax(0)
    seeds = np.where(covered.any(0), np.array(classes, np.uint8)[best], rest)
    if not background:
        return seeds
    inside = np.take_along_axis(averaged_over_regions(covered.astype(np.float32), regions), best[None], 0)[0]
    kept = np.where(inside < BOX_SHARE, rest, seeds)
    for box in boxes:
        within = kept[box.inside]
        if not (within == box.class_id).any():
            within[within == rest] = UNLABELLED
    return kept


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
    shares = _shares(scores)
    return shares / np.maximum(shares.mean((1, 2), keepdims=True), LEAST_DIVISOR) ** BALANCE


def _shares(scores: np.ndarray) -> np.ndarray:
    """Scores [n, H, W] that sum to 1 at each pixel, or are all 0 there."""
    return scores / np.maximum(scores.sum(0), LEAST_DIVISOR)
