"""Boxes of objects, and what they say of the classes of the pixels within them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """An object's box, label[top:bottom, left:right]: pixels from 0 on, right and bottom border left out."""

    class_id: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Its pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def inside(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def scaled(self, size: tuple[int, int], new: tuple[int, int]) -> "Box":
        """The box of an image of `size` (height, width) in the same image at `new`, with all pixels that it touches."""
        (height, width), (rows, columns) = size, new
        left, top = self.left * columns // width, self.top * rows // height
        right, bottom = -(-self.right * columns // width), -(-self.bottom * rows // height)
        return Box(self.class_id, left, top, right, bottom)


def outside_boxes(boxes: Sequence[Box], size: tuple[int, ...]) -> np.ndarray:
    """The pixels that no box covers, bool [*size]."""
    outside = np.ones(size, bool)
    for box in boxes:
        outside[box.inside] = False
    return outside


def box_weights(classes: Sequence[int], boxes: Sequence[Box], size: tuple[int, ...]) -> np.ndarray:
    """How much the boxes say for each class at each pixel, [n, *size] float32.

    1 / the share of the image that the smallest box of the class there covers; 0 outside its boxes. Of overlapping
    boxes the smaller one is in front, mostly.
    """
    weights = np.zeros((len(classes), *size), np.float32)
    places = {label: place for place, label in enumerate(classes)}
    for box in sorted(boxes, key=lambda box: -box.area):
        if box.class_id in places:
            weights[places[box.class_id]][box.inside] = size[0] * size[1] / box.area
    return weights
