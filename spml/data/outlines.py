"""Label maps -> polygons whose filling, the largest first, gives the label map again."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from spml.data.labels import UNLABELLED

_EVERY_NEIGHBOUR = np.ones((3, 3), bool)
# Directions on the corners of pixels in clockwise order: right, down, left, up, as (x, y).
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


class Outline(NamedTuple):
    """The border of a connected area of one value: corners N×2 as (x, y) on the edges of pixels, and its inside.

    filled: number of pixels within the border, holes included.
    """

    value: int
    corners: np.ndarray
    filled: int


def outlines(label: np.ndarray, tolerance: float = 0.0, min_pixels: int = 1) -> list[Outline]:
    """The outer borders of all areas of a label map (H×W), the largest first.

    An area within another comes later, so that it is drawn over it; holes need no borders of their own. Unlabelled
    areas count only where they lie within another. tolerance: how far, in pixels, a border may be simplified; 0 keeps
    every corner, and drawing gives the label map again. min_pixels: smaller areas are left out.
    """
    found = sorted(_areas(label, min_pixels), key=lambda area: -area[1].sum())
    covered = np.zeros(label.shape, bool)
    result = []
    for value, filled, window in found:
        hidden = value == UNLABELLED and not covered[window][filled].any()
        covered[window] |= filled
        if not hidden:
            corners = trace(filled) + [window[1].start, window[0].start]
            result.append(Outline(value, simplified(corners, tolerance), int(filled.sum())))
    return result


def _areas(label: np.ndarray, min_pixels: int) -> Iterator[tuple[int, np.ndarray, tuple[slice, slice]]]:
    """Value, pixels with holes filled, and window of each area whose pixels touch by their sides."""
    for value in np.unique(label).tolist():
        numbered, _ = ndimage.label(label == value)
        for number, window in enumerate(ndimage.find_objects(numbered), 1):
            area = numbered[window] == number
            if area.sum() >= min_pixels:
                # What touches the outside by a corner alone is no hole.
                yield value, ndimage.binary_fill_holes(area, _EVERY_NEIGHBOUR), window


def trace(area: np.ndarray) -> np.ndarray:
    """The corners, N×2 as (x, y), of the border of an H×W bool area without holes, clockwise on the screen."""
    inside = np.pad(area, 1)
    top, left = (int(value[0]) for value in np.nonzero(inside))
    place, direction = (left, top), 0
    corners = []
    while True:
        corners.append(place)
        place, direction = _follow(inside, place, direction)
        if place == (left, top) and direction == 0:
            return np.array(corners, float) - 1


def _follow(inside: np.ndarray, place: tuple[int, int], direction: int) -> tuple[tuple[int, int], int]:
    """Go along the border, the area on the right hand, to the next corner; the place there and the new direction."""
    x, y = place
    while True:
        x, y = x + _STEPS[direction][0], y + _STEPS[direction][1]
        ahead_left, ahead_right = _ahead(inside, x, y, direction)
        if not ahead_right:
            return (x, y), (direction + 1) % 4
        if ahead_left:
            return (x, y), (direction - 1) % 4


def _ahead(inside: np.ndarray, x: int, y: int, direction: int) -> tuple[bool, bool]:
    """Whether the pixels ahead of a corner, on the left and on the right hand, are inside."""
    around = (inside[y - 1, x], inside[y, x], inside[y, x - 1], inside[y - 1, x - 1])  # clockwise from upper right
    return bool(around[direction]), bool(around[(direction + 1) % 4])


def simplified(corners: np.ndarray, tolerance: float) -> np.ndarray:
    """A border with fewer corners, none further than `tolerance` pixels from it; at least three are kept."""
    if tolerance <= 0:
        return corners
    fewer = cv2.approxPolyDP(corners.astype(np.float32).reshape(-1, 1, 2), tolerance, True).reshape(-1, 2)
    return fewer.astype(float) if len(fewer) > 2 else corners
