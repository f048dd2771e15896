"""Drawing strokes and dots into label maps."""

import cv2
import numpy as np
from numpy.typing import ArrayLike

# Half a pixel: neighbouring samples of a line never skip a pixel.
SAMPLE_STEP = 0.5


def disc(width: int) -> np.ndarray:
    """A disc of `width` pixels across as a structuring element, width×width uint8; 3 gives the full square."""
    offsets = np.arange(width) - (width - 1) / 2
    return (np.hypot(offsets[:, None], offsets) <= width / 2).astype(np.uint8)


def dilate(mask: np.ndarray, width: int) -> np.ndarray:
    """Dilate an H×W bool mask by a disc of `width` pixels across; a single pixel becomes a dot of that width."""
    return cv2.dilate(mask.astype(np.uint8), disc(width)).astype(bool)


def middle_part(points: ArrayLike, fraction: float) -> np.ndarray:
    """Samples, M×2, of the middle `fraction` (0..1) of a polyline, points N×2, half a pixel of arc length apart.

    They are counted from the polyline's middle, so that those of a smaller fraction are among those of a larger one;
    0 gives the middle alone.
    """
    points = np.asarray(points, float)
    arc = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    reach = int(fraction * arc[-1] / 2 / SAMPLE_STEP)
    where = arc[-1] / 2 + SAMPLE_STEP * np.arange(-reach, reach + 1)
    return np.stack([np.interp(where, arc, points[:, axis]) for axis in (0, 1)], 1)


def draw_polyline(label: np.ndarray, points: ArrayLike, value: int, fraction: float = 1.0, width: int = 3) -> None:
    """Draw the middle `fraction` of a polyline, points N×2 as (x, y) in pixels, into a label map (H×W), in place.

    The line is `width` pixels wide; points outside the image are moved to its border.
    """
    height, width_of_image = label.shape
    inside = np.clip(np.asarray(points, float), 0, [width_of_image - 1, height - 1])
    x, y = np.rint(middle_part(inside, fraction)).astype(int).T
    line = np.zeros(label.shape, bool)
    line[y, x] = True
    label[dilate(line, width)] = value
