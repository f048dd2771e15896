"""CVAT for images, XML: points, polylines, boxes, ellipses, polygons, masks and tags of many images."""

from collections.abc import Iterator

import numpy as np

from spml.data.images import MAX_PIXELS
from spml.errors import UserError
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import (
    ImageAnnotations,
    Mask,
    Point,
    Polygon,
    Rectangle,
    Shape,
    Stroke,
    Tag,
    around_turned,
    ellipse,
    mask_of,
)
from spml.prepare.annotations.values import Xml, checked_box, checked_points, number_in


def is_cvat(document: Document, context: Context) -> bool:
    """Whether this is CVAT's XML, by its outermost element."""
    return document.tag == "annotations"


def read_cvat(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the annotations of all images; raises UserError, with its place, for anything that is not as CVAT writes.

    Shapes are drawn in the order of their z_order. Tracks of videos are refused.
    """
    content = document.xml
    if content.element.find("track") is not None:
        raise UserError(f"{content.where}: holds tracks of a video; export it as 'CVAT for images'")
    return [_image(entry) for entry in content.children() if entry.element.tag == "image"]


def _image(entry: Xml) -> ImageAnnotations:
    size = (entry.side(entry.attribute("height")), entry.side(entry.attribute("width")))
    found = ImageAnnotations(entry.attribute("name"), entry.where, size)
    ordered = sorted(entry.children(), key=lambda child: child.number("z_order", 0.0))
    for child in ordered:
        shapes = list(_shapes(child, size))
        found.shapes += shapes
        if not shapes:
            found.left_out.append((f"<{child.element.tag}>", child.where))
    return found


def _shapes(entry: Xml, size: tuple[int, int]) -> Iterator[Shape]:
    kind, where = entry.element.tag, entry.where
    if kind not in ("points", "polyline", "polygon", "box", "ellipse", "mask", "tag"):
        return
    name = entry.attribute("label")
    if kind == "points":
        for x, y in _points(entry, 1).tolist():
            yield Point(name, where, x, y)
    elif kind == "polyline":
        yield Stroke(name, where, _points(entry, 1))
    elif kind == "polygon":
        yield Polygon(name, where, (_points(entry, 3),))
    elif kind == "box":
        yield Rectangle(name, where, *_box(entry))
    elif kind == "ellipse":
        x, y, across, down = (entry.number(key) for key in ("cx", "cy", "rx", "ry"))
        checked_box(x - across, y - down, x + across, y + down, where)
        yield Polygon(name, where, (ellipse(x, y, across, down, entry.number("rotation", 0.0)),))
    else:
        yield _mask(entry, name) if kind == "mask" else Tag(name, where)


def _points(entry: Xml, least: int) -> np.ndarray:
    where = f"{entry.where}, points"
    pairs = [[number_in(text, where) for text in pair.split(",")] for pair in entry.attribute("points").split(";")]
    return checked_points(pairs, least, where)


def _box(entry: Xml) -> tuple[float, float, float, float]:
    """Left, top, right, bottom; of a turned box those of the upright box around it."""
    left, top, right, bottom = (entry.number(side) for side in ("xtl", "ytl", "xbr", "ybr"))
    checked_box(left, top, right, bottom, entry.where)
    return around_turned(left, top, right, bottom, entry.number("rotation", 0.0))


def _mask(entry: Xml, name: str) -> Mask:
    """Run lengths, by rows, of pixels outside and inside by turns, in a window of the image."""
    where = f"{entry.where}, rle"
    runs = [number_in(text, where) for text in entry.attribute("rle").split(",")]
    height, width = entry.side(entry.attribute("height")), entry.side(entry.attribute("width"))
    whole = all(run >= 0 and not run % 1 for run in runs)
    if not whole or sum(runs) != height * width or height * width > MAX_PIXELS:
        raise UserError(f"{where}: expected runs of whole numbers that fill {width}×{height} pixels")
    inside = np.arange(len(runs)) % 2 == 1
    pixels = np.repeat(inside, np.array(runs, int)).reshape(height, width)
    return mask_of(name, entry.where, pixels, round(entry.number("left")), round(entry.number("top")))
