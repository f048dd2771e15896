"""What an annotation says: shapes and tags of one image, in pixels, whatever format they come from.

Coordinates are (x, y), continuous: pixel (column i, row j) covers i..i+1 and j..j+1. They are rounded to hundredths,
the finest that all formats keep, so that the same shape is the same in every format.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

DECIMALS = 2


@dataclass(frozen=True)
class Point:
    """A dot at (x, y); `radius` in pixels where the format states one."""

    name: str
    where: str
    x: float
    y: float
    radius: float | None = None


@dataclass(frozen=True)
class Stroke:
    """A polyline through points N×2; `width` in pixels where the format states one."""

    name: str
    where: str
    points: np.ndarray
    width: float | None = None


@dataclass(frozen=True)
class Rectangle:
    """An object's box between pixel edges, right and bottom excluded."""

    name: str
    where: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Polygon:
    """An area within rings, each N×2, by the even-odd rule: a ring within a ring is a hole."""

    name: str
    where: str
    rings: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Mask:
    """An area of pixels: `code` packs H×W bits of `size` (height, width), their first pixel at (left, top)."""

    name: str
    where: str
    left: int
    top: int
    size: tuple[int, int]
    code: bytes

    def pixels(self) -> np.ndarray:
        """The area as H×W bool of `size`."""
        bits = np.unpackbits(np.frombuffer(zlib.decompress(self.code), np.uint8), count=self.size[0] * self.size[1])
        return bits.reshape(self.size).astype(bool)


@dataclass(frozen=True)
class Tag:
    """A class that the image holds somewhere."""

    name: str
    where: str


Shape = Point | Stroke | Rectangle | Polygon | Mask | Tag


@dataclass
class ImageAnnotations:
    """What one file says of one image.

    name: the image's file name or id as the file has it; other_names: what else it may be called; size: (height,
    width) as the file states it; relative: coordinates are shares of the image's width and height; left_out: reasons,
    with place, of what the reader could not take; counted: its numbers count the user's classes, since no table says
    what they mean; file: the file, below the folder that the user gave.
    """

    name: str
    where: str
    size: tuple[int, int] | None = None
    shapes: list[Shape] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    other_names: tuple[str, ...] = ()
    relative: bool = False
    counted: bool = False
    file: Path = Path()


def mask_of(name: str, where: str, pixels: np.ndarray, left: int = 0, top: int = 0) -> Mask:
    """A Mask of an H×W bool area whose first pixel lies at (left, top), cut to what it covers."""
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    if not rows.size:
        return Mask(name, where, left, top, (0, 0), zlib.compress(b""))
    inside = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    code = zlib.compress(np.packbits(inside).tobytes())
    return Mask(name, where, left + int(columns[0]), top + int(rows[0]), (inside.shape[0], inside.shape[1]), code)


def ellipse(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> np.ndarray:
    """An ellipse about (x, y), turned clockwise on the screen, as the corners, N×2, of a polygon."""
    count = int(np.clip(2 * max(radius_x, radius_y), 16, 360))
    angles = 2 * np.pi * np.arange(count) / count
    flat = np.stack([radius_x * np.cos(angles), radius_y * np.sin(angles)], 1)
    return turned(flat, degrees) + [x, y]


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Points, N×2, turned about the origin, clockwise on the screen."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(points, float) @ np.array([[cos, sin], [-sin, cos]])


def around_turned(
    left: float, top: float, right: float, bottom: float, degrees: float
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the upright box around a box that is turned about its middle, clockwise."""
    if not degrees:
        return left, top, right, bottom
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    middle = corners.mean(0)
    return hull(turned(corners - middle, degrees) + middle)


def hull(points: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of points N×2."""
    return (*points.min(0).tolist(), *points.max(0).tolist())


def extent(shape: Shape) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom of a shape; None for what has no place, a tag or an empty mask."""
    if isinstance(shape, Point):
        return shape.x, shape.y, shape.x, shape.y
    if isinstance(shape, Rectangle):
        return shape.left, shape.top, shape.right, shape.bottom
    if isinstance(shape, Mask):
        empty = 0 in shape.size
        return None if empty else (shape.left, shape.top, shape.left + shape.size[1], shape.top + shape.size[0])
    if isinstance(shape, Tag):
        return None
    return hull(shape.points if isinstance(shape, Stroke) else np.concatenate(shape.rings))


def mapped(shape: Shape, change: Callable[[np.ndarray], np.ndarray]) -> Shape:
    """A shape whose points, N×2, are what `change` makes of them; a mask and a tag as they are."""
    if isinstance(shape, Point):
        ((x, y),) = change(np.array([[shape.x, shape.y]], float)).tolist()
        return replace(shape, x=x, y=y)
    if isinstance(shape, Stroke):
        return replace(shape, points=change(shape.points))
    if isinstance(shape, Polygon):
        return replace(shape, rings=tuple(map(change, shape.rings)))
    if isinstance(shape, Rectangle):
        corners = np.array([[shape.left, shape.top], [shape.right, shape.bottom]], float)
        (left, top), (right, bottom) = change(corners).tolist()
        return replace(shape, left=left, top=top, right=right, bottom=bottom)
    return shape


def moved(shape: Shape, x: int, y: int) -> Shape:
    """A shape moved by whole pixels."""
    if isinstance(shape, Mask):
        return replace(shape, left=shape.left + x, top=shape.top + y)
    return mapped(shape, lambda points: points + [x, y])


def cut(shape: Shape, size: tuple[int, int]) -> Shape:
    """A shape of which a mask keeps what lies within an image of `size` (height, width)."""
    if not isinstance(shape, Mask):
        return shape
    top, left = max(0, -shape.top), max(0, -shape.left)
    bottom, right = max(0, size[0] - shape.top), max(0, size[1] - shape.left)
    pixels = shape.pixels()[top:bottom, left:right]
    return mask_of(shape.name, shape.where, pixels, shape.left + left, shape.top + top)


def scaled(shape: Shape, x: float, y: float) -> Shape:
    """A shape in an image that is `x` times as wide and `y` times as high; sizes of dots and strokes stay."""
    return _scaled_mask(shape, x, y) if isinstance(shape, Mask) else mapped(shape, lambda points: points * [x, y])


def _scaled_mask(mask: Mask, x: float, y: float) -> Mask:
    left, top = int(mask.left * x), int(mask.top * y)
    rows = np.arange(top, int(np.ceil((mask.top + mask.size[0]) * y)))
    columns = np.arange(left, int(np.ceil((mask.left + mask.size[1]) * x)))
    # Each new pixel takes the old one under its centre.
    old_rows = np.floor((rows + 0.5) / y - mask.top).astype(int)
    old_columns = np.floor((columns + 0.5) / x - mask.left).astype(int)
    padded = np.pad(mask.pixels(), 1)
    grid = np.ix_(old_rows.clip(-1, mask.size[0]) + 1, old_columns.clip(-1, mask.size[1]) + 1)
    return mask_of(mask.name, mask.where, padded[grid], left, top)


def rounded(shape: Shape) -> Shape:
    """A shape with coordinates in hundredths of a pixel."""
    return mapped(shape, lambda points: np.round(points, DECIMALS))
