"""Outlines of the objects and questions about regions."""

import cv2
import numpy as np
from numpy.typing import ArrayLike

from spml.prepare.toy.textures import turned_coordinates


def polygon(rng: np.random.Generator, angle: np.ndarray) -> np.ndarray:
    """Radius of a regular polygon of three to five corners in the direction `angle`."""
    side = 2 * np.pi / rng.integers(3, 6)
    return 1.2 * np.cos(side / 2) / np.cos(angle % side - side / 2)


def star(rng: np.random.Generator, angle: np.ndarray) -> np.ndarray:
    """Radius of a figure with soft arms in the direction `angle`."""
    return 0.85 + 0.3 * np.cos(rng.integers(3, 6) * angle)


def blob(rng: np.random.Generator, angle: np.ndarray) -> np.ndarray:
    """Radius of a random smooth figure in the direction `angle`."""
    waves = [rng.uniform(0, 0.5 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4)]
    return 0.95 + sum(waves, np.zeros_like(angle))


OUTLINES = (polygon, star, blob)


def random_shape(rng: np.random.Generator, size: int, centre: ArrayLike, radius: float) -> np.ndarray:
    """A figure of random outline, stretch and direction about `centre` (y, x): H×W bool; lengths in pixels."""
    stretch = np.sqrt(rng.uniform(1, 2.2))
    x, y = turned_coordinates(size, rng.uniform(0, 2 * np.pi), centre)
    x, y = x / (radius * stretch), y / (radius / stretch)
    return np.hypot(x, y) < OUTLINES[rng.integers(len(OUTLINES))](rng, np.arctan2(y, x) % (2 * np.pi))


def capsule(size: int, start: np.ndarray, end: np.ndarray, width: float) -> np.ndarray:
    """A thick line with round ends from `start` to `end` (y, x): H×W bool."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    way = np.subtract(end, start)
    along = ((y - start[0]) * way[0] + (x - start[1]) * way[1]) / max(way @ way, 1e-6)
    along = np.clip(along, 0, 1)
    return np.hypot(y - start[0] - along * way[0], x - start[1] - along * way[1]) <= width / 2


def depth(region: np.ndarray) -> np.ndarray:
    """Distance of each pixel of a region (H×W bool) to the nearest outside it or the picture: H×W, 0 outside."""
    padded = np.pad(region, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    # Squares are whole numbers; the last bits of OpenCV's roots depend on how it shares the work among threads.
    return np.sqrt(np.rint(distance**2))
