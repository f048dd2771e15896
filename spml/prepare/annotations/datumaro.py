"""Datumaro JSON: points, polylines, boxes, ellipses, polygons, masks and labels of many images."""

from collections.abc import Iterator

from spml.errors import UserError
from spml.prepare.annotations.coco_json import box_of, rle_mask
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Point, Polygon, Shape, Stroke, Tag, ellipse
from spml.prepare.annotations.values import Json


def is_datumaro(document: Document, context: Context) -> bool:
    """Whether this is Datumaro's JSON: an object with items, or with the version of its form."""
    return "dm_format_version" in document.keys or {"items", "categories"} <= document.keys


def read_datumaro(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read all items; raises UserError, with its place, for anything that is not as Datumaro writes.

    Shapes are drawn in the order of their z_order.
    """
    content = document.json
    labels = content.need("categories").need("label").need("labels")
    names = [entry.need("name").text() for entry in labels.each()]
    return [_item(entry, names) for entry in content.need("items").each()]


def _item(item: Json, names: list[str]) -> ImageAnnotations:
    image, size = item.get("image"), None
    other: tuple[str, ...] = ()
    if image.value is not None:
        sides = image.get("size")
        size = None if sides.value is None else _size(sides)
        other = (image.get("path").text(),) if image.get("path").value else ()
    found = ImageAnnotations(item.need("id").text(), item.where, size, other_names=other)
    for entry in sorted(item.need("annotations").each(), key=_order):
        shapes = list(_shapes(entry, names, size))
        found.shapes += shapes
        if not shapes:
            found.left_out.append((f"annotation of type {entry.get('type').value!r}, or without a label", entry.where))
    return found


def _size(sides: Json) -> tuple[int, int]:
    values = [side.side() for side in sides.each()]
    if len(values) != 2:
        raise sides.error("[height, width]")
    return values[0], values[1]


def _order(entry: Json) -> float:
    order = entry.get("z_order")
    return 0.0 if order.value is None else order.number()


def _shapes(entry: Json, names: list[str], size: tuple[int, int] | None) -> Iterator[Shape]:
    number = entry.get("label_id")
    if number.value is None:
        return
    if type(number.value) is not int or not 0 <= number.value < len(names):
        raise number.error(f"a number from 0 to {len(names) - 1}")
    name, where, kind = names[number.value], entry.where, entry.get("type").value
    if kind == "points":
        yield from (Point(name, where, x, y) for x, y in entry.need("points").flat_pairs().tolist())
    elif kind == "polyline":
        yield Stroke(name, where, entry.need("points").flat_pairs())
    elif kind == "polygon":
        yield Polygon(name, where, (entry.need("points").flat_pairs(3),))
    elif kind == "bbox":
        yield box_of(entry.need("bbox"), name, entry.get("attributes"))
    elif kind == "ellipse":
        (left, top), (right, bottom) = _corners(entry.need("points"))
        middle = (left + right) / 2, (top + bottom) / 2
        yield Polygon(name, where, (ellipse(*middle, abs(right - left) / 2, abs(bottom - top) / 2),))
    elif kind == "mask":
        yield rle_mask(entry.need("rle"), name, size)
    elif kind == "label":
        yield Tag(name, where)


def _corners(points: Json) -> list[list[float]]:
    corners = points.flat_pairs(2).tolist()
    if len(corners) != 2:
        raise UserError(f"{points.where}: expected left, top, right, bottom")
    return corners
