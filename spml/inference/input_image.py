"""One image on its way to a mask, with what is known of it besides its pixels."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from spml.data.boxes import Box
from spml.data.transforms import resize_image, resize_label, shrink_image, shrink_weak_label, size_within

Given = TypeVar("Given")


@dataclass(frozen=True)
class InputImage:
    """pixels: uint8 [H, W, 3]; label, instance: uint8 [H, W], or None; cam: {class: [H, W] in 0..1}, or None.

    classes: those that the image may show by its tags, a background with them, or None; boxes: those of its objects, or
    None; on_disk: height and width of the file where it is not H×W, which results have.
    """

    pixels: np.ndarray
    label: np.ndarray | None = None
    instance: np.ndarray | None = None
    cam: dict[int, np.ndarray] | None = None
    classes: tuple[int, ...] | None = None
    boxes: tuple[Box, ...] | None = None
    on_disk: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def result_size(self) -> tuple[int, int]:
        """Height and width of what is written of this image."""
        return self.on_disk or self.size

    @property
    def weak_label(self) -> np.ndarray:
        """The weak label; raises ValueError where the caller gave none."""
        return _given(self.label, "label")

    @property
    def regions(self) -> np.ndarray:
        """The over-segmentation; raises ValueError where the caller gave none."""
        return _given(self.instance, "instance")

    @property
    def tag_maps(self) -> dict[int, np.ndarray]:
        """The CAM; raises ValueError where the caller gave none."""
        return _given(self.cam, "cam")

    def unit_range(self) -> np.ndarray:
        """The pixels as float32 in 0..1."""
        return self.pixels.astype(np.float32) / 255

    def within(self, max_side: int, num_classes: int) -> "InputImage":
        """This image with all that is known of it, shrunk where its longer side is above `max_side` (0: never)."""
        return self.shrunk(size_within(self.size, max_side), num_classes)

    def shrunk(self, size: tuple[int, int], num_classes: int) -> "InputImage":
        """This image with all that is known of it at a smaller `size`; itself where that is its size."""
        if size == self.size:
            return self
        return replace(
            self,
            pixels=shrink_image(self.pixels, size),
            label=None if self.label is None else shrink_weak_label(self.label, size, num_classes),
            instance=None if self.instance is None else resize_label(self.instance, size),
            boxes=None if self.boxes is None else tuple(box.scaled(self.size, size) for box in self.boxes),
            cam=None if self.cam is None else {name: resize_image(scores, size) for name, scores in self.cam.items()},
            on_disk=self.result_size,
        )


def _given(value: Given | None, name: str) -> Given:
    if value is None:
        raise ValueError(f"InputImage.{name} is needed here")
    return value
