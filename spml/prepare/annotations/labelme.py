"""LabelMe JSON, one file an image: points, lines, rectangles, circles, polygons, masks; image flags are tags."""

import base64
import binascii
import io

import numpy as np
from PIL import Image

from spml.data.images import MAX_PIXELS
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
    ellipse,
    hull,
    mask_of,
)
from spml.prepare.annotations.values import Json


def is_labelme(document: Document, context: Context) -> bool:
    """Whether this is LabelMe JSON: an object with shapes or the path of an image."""
    return bool({"shapes", "imagePath"} & document.keys)


def read_labelme(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the annotations of one image; raises UserError, with its place, for anything that LabelMe does not write."""
    content = document.json
    stated = content.get("imagePath")
    name = document.path.stem if stated.value is None else stated.text()
    size = content.size("imageHeight", "imageWidth")
    found = ImageAnnotations(name, content.where, size, other_names=(document.path.stem,))
    flags = content.get("flags")
    for flag in [] if flags.value is None else flags.keys():
        if flags.get(flag).value is True:
            found.shapes.append(Tag(flag, flags.where))
    for entry in content.need("shapes").each():
        shape = _shape(entry)
        if shape is None:
            found.left_out.append((f"shape of type {entry.get('shape_type').value!r}", entry.where))
        else:
            found.shapes.append(shape)
    return [found]


def _shape(entry: Json) -> Shape | None:
    name, where = entry.need("label").text(), entry.where
    kind = str(entry.get("shape_type").value or "polygon")
    points = entry.need("points").pairs({"circle": 2, "rectangle": 2, "mask": 2, "line": 2}.get(kind, 1))
    if kind == "point":
        return Point(name, where, *points[0].tolist())
    if kind in ("line", "linestrip"):
        return Stroke(name, where, points)
    if kind == "rectangle":
        return Rectangle(name, where, *hull(points))
    if kind == "circle":
        (x, y), radius = points[0].tolist(), float(np.hypot(*(points[1] - points[0])))
        return Polygon(name, where, (ellipse(x, y, radius, radius),))
    if kind == "polygon":
        return Polygon(name, where, (points,))
    return _mask(entry, name, points) if kind == "mask" else None


def _mask(entry: Json, name: str, points: np.ndarray) -> Mask:
    """The PNG of a mask, in base64, which covers the pixels from one corner to the other, both included."""
    coded = entry.need("mask")
    left, top, right, bottom = (int(np.floor(value)) for value in hull(points))  # as LabelMe does
    try:
        content = base64.b64decode(coded.text(), validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.size != (right - left + 1, bottom - top + 1) or image.width * image.height > MAX_PIXELS:
                raise coded.error(f"a PNG of {right - left + 1}×{bottom - top + 1} pixels")
            pixels = np.array(image.convert("L")) > 0
    except (OSError, SyntaxError, ValueError, binascii.Error, Image.DecompressionBombError):
        raise coded.error("a PNG in base64") from None
    return mask_of(name, entry.where, pixels, left, top)
