"""One image on its way to a mask, with what is known of it besides its pixels."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Given = TypeVar("Given")


@dataclass(frozen=True)
class InputImage:
    """pixels: uint8 [H, W, 3]; label, instance: uint8 [H, W], or None; cam: {class: [H, W] in 0..1}, or None.

    classes: those that the image may show by its tags, a background with them, or None.
    """

    pixels: np.ndarray
    label: np.ndarray | None = None
    instance: np.ndarray | None = None
    cam: dict[int, np.ndarray] | None = None
    classes: tuple[int, ...] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.pixels.shape[:2]
        return height, width

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


def _given(value: Given | None, name: str) -> Given:
    if value is None:
        raise ValueError(f"InputImage.{name} is needed here")
    return value
