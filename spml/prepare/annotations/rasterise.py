"""Shapes -> pixels: dots and strokes as the published weak labels have them, areas by pixel centres."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spml.data.labels import UNLABELLED
from spml.prepare.annotations.model import Mask, Point, Polygon, Shape, Stroke, extent, moved
from spml.prepare.scribbles import POINT_WIDTH, SCRIBBLE_WIDTH
from spml.prepare.strokes import draw_polyline

PUBLISHED_SIDES = 200, 1000  # images whose shorter side lies outside get dots and strokes in proportion
CROSSINGS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Brush:
    """How wide dots and strokes are, in pixels; None: the published widths, in proportion in small and large images."""

    point: int | None = None
    stroke: int | None = None

    def widths(self, size: tuple[int, int]) -> tuple[int, int]:
        """Widths of dots and of strokes in an image of `size` (height, width)."""
        least, most = PUBLISHED_SIDES
        share = min(1.0, min(size) / least) * max(1.0, min(size) / most)
        point, stroke = (max(1, round(width * share)) for width in (POINT_WIDTH, SCRIBBLE_WIDTH))
        return self.point or point, self.stroke or stroke


@dataclass
class Drawn:
    """A label map (H×W uint8) and what happened on the way.

    relabelled: pixels that a later shape of another class took; counts: labelled pixels of each shape when drawn.
    """

    label: np.ndarray
    relabelled: int
    counts: list[int]


def draw(size: tuple[int, int], shapes: list[tuple[Shape, int]], brush: Brush) -> Drawn:
    """Draw (shape, value) pairs in their order, later ones over earlier ones, into a map of `size` (height, width).

    Boxes and tags label no pixel. Everything else stays unlabelled.
    """
    drawn = Drawn(np.full(size, UNLABELLED, np.uint8), 0, [])
    for shape, value in shapes:
        window, covered = area(shape, size, brush)
        part = drawn.label[window]
        before = part[covered]
        if value != UNLABELLED:
            drawn.relabelled += int(((before != UNLABELLED) & (before != value)).sum())
        part[covered] = value
        drawn.counts.append(before.size)
    return drawn


def area(shape: Shape, size: tuple[int, int], brush: Brush) -> tuple[tuple[slice, slice], np.ndarray]:
    """The pixels that a shape labels in an image of `size`: a window of the image, and bool of the window's size."""
    width = _width(shape, size, brush)
    left, top, right, bottom = _window(shape, size, width)
    window, inside = np.s_[top:bottom, left:right], (bottom - top, right - left)
    shape = moved(shape, -left, -top)
    if isinstance(shape, Point | Stroke):
        points = np.array([[shape.x, shape.y]]) if isinstance(shape, Point) else shape.points
        line = np.zeros(inside, np.uint8)
        draw_polyline(line, points, 1, width=width)
        return window, line.astype(bool)
    if isinstance(shape, Polygon):
        return window, fill(shape.rings, inside)
    return window, _placed(shape, inside) if isinstance(shape, Mask) else np.zeros(inside, bool)


def _width(shape: Shape, size: tuple[int, int], brush: Brush) -> int:
    point, stroke = brush.widths(size)
    if isinstance(shape, Point):
        stated = None if shape.radius is None else 2 * shape.radius
    else:
        stated = shape.width if isinstance(shape, Stroke) else None
    usual = point if isinstance(shape, Point) else stroke
    return usual if stated is None else int(np.clip(round(stated), 1, 2 * max(size)))


def _window(shape: Shape, size: tuple[int, int], margin: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom: where in the image the shape may label pixels, one pixel at least."""
    left, top, right, bottom = extent(shape) or (0, 0, 0, 0)
    height, width = size
    margin += 1
    low = [int(np.clip(np.floor(value) - margin, 0, side - 1)) for value, side in ((left, width), (top, height))]
    high = [int(np.clip(np.ceil(value) + margin, 1, side)) for value, side in ((right, width), (bottom, height))]
    # Even corners keep halves rounding the same way wherever the window lies.
    left, top = (value - value % 2 for value in low)
    return left, top, max(high[0], left + 1), max(high[1], top + 1)


def _placed(mask: Mask, size: tuple[int, int]) -> np.ndarray:
    out = np.zeros(size, bool)
    top, left = max(mask.top, 0), max(mask.left, 0)
    bottom, right = min(mask.top + mask.size[0], size[0]), min(mask.left + mask.size[1], size[1])
    if top < bottom and left < right:
        inside = np.s_[top - mask.top : bottom - mask.top, left - mask.left : right - mask.left]
        out[top:bottom, left:right] = mask.pixels()[inside]
    return out


def fill(rings: tuple[np.ndarray, ...], size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centre lies within rings (N×2 each, closed by themselves) by the even-odd rule, H×W bool."""
    height, width = size
    toggles = np.zeros(height * (width + 1), np.uint32)
    for ring in rings:
        for rows, columns in _crossings(np.asarray(ring, float), size):
            toggles += np.bincount(rows * (width + 1) + columns, minlength=toggles.size).astype(np.uint32)
    return np.cumsum(toggles.reshape(height, width + 1)[:, :width], 1) % 2 == 1


def _crossings(ring: np.ndarray, size: tuple[int, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows, and the first column right of it, where the ring's edges cross the rows' centre lines; some at a time."""
    following = np.roll(ring, -1, 0)
    # Both directions of an edge must give the same numbers.
    upward = ring[:, 1] > following[:, 1]
    start, end = np.where(upward[:, None], following, ring), np.where(upward[:, None], ring, following)
    first, last = (np.ceil(y - 0.5).clip(0, size[0]).astype(int) for y in (start[:, 1], end[:, 1]))
    total = np.cumsum(last - first)
    begin = 0
    while begin < len(ring):
        reached = total[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(total, reached + CROSSINGS_AT_ONCE, "right")))
        chosen = np.repeat(np.arange(begin, stop), (last - first)[begin:stop])
        rows = first[chosen] + np.arange(len(chosen)) - (total[chosen] - (last - first)[chosen] - reached)
        slope = (rows + 0.5 - start[chosen, 1]) / (end[chosen, 1] - start[chosen, 1])
        x = start[chosen, 0] + slope * (end[chosen, 0] - start[chosen, 0])
        yield rows, np.ceil(x - 0.5).clip(0, size[1]).astype(int)
        begin = stop
