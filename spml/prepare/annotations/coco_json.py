"""COCO JSON: polygons, run-length codes and boxes of many images, crowds like all others."""

from typing import TypeVar

import numpy as np

from spml.data.images import MAX_PIXELS
from spml.errors import UserError
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Mask, Polygon, Rectangle, Shape, around_turned, mask_of
from spml.prepare.annotations.values import Json, checked_box
from spml.prepare.coco import decode_rle

Held = TypeVar("Held")


def is_coco(document: Document, context: Context) -> bool:
    """Whether this is COCO's JSON: an object with two of images, annotations and categories."""
    return len({"images", "annotations", "categories"} & document.keys) > 1


def read_coco(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the annotations of all images; raises UserError, with its place, for anything that is not as COCO writes.

    An annotation with a segmentation gives areas, one without, or whose segmentation is its box (`isbbox`), its box.
    """
    content = document.json
    names = _category_names(content.need("categories"))
    found: dict[str, ImageAnnotations] = {}
    for entry in content.need("images").each():
        image = ImageAnnotations(entry.need("file_name").text(), entry.where, entry.size("height", "width"))
        image.other_names = _names_before(entry.get("extra"))
        if found.setdefault(_id_of(entry), image).where != entry.where:
            raise UserError(f"{entry.where}: another image has the id {entry.need('id').value!r}")
    for entry in content.need("annotations").each():
        image = _one_of(found, entry.need("image_id"), "the id of an image of the file")
        shapes = _shapes(entry, _one_of(names, entry.need("category_id"), "the id of a category of the file"), image)
        image.shapes += shapes
        if not shapes:
            image.left_out.append(("annotation without an area or a box", entry.where))
    return list(found.values())


def _names_before(extra: Json) -> tuple[str, ...]:
    """What Roboflow says the image was called before."""
    name = extra.value.get("name") if isinstance(extra.value, dict) else None
    return (name,) if isinstance(name, str) else ()


def _category_names(categories: Json) -> dict[str, str]:
    names: dict[str, str] = {}
    for entry in categories.each():
        if names.setdefault(_id_of(entry), name := entry.need("name").text()) != name:
            raise UserError(f"{entry.where}: another category has the id {entry.need('id').value!r}")
    return names


def _id_of(entry: Json) -> str:
    return _key(entry.need("id"), "an id")


def _key(number: Json, wanted: str) -> str:
    """An id as a text: VIA writes an image's as 0 and what refers to it as "0", tables of numbers as 0.0."""
    value = number.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise number.error(wanted)
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _one_of(known: dict[str, Held], key: Json, wanted: str) -> Held:
    name = _key(key, wanted)
    if name not in known:
        raise key.error(wanted)
    return known[name]


def _shapes(entry: Json, name: str, image: ImageAnnotations) -> list[Shape]:
    segmentation = entry.get("segmentation")
    if isinstance(segmentation.value, dict):
        return [rle_mask(segmentation, name, image.size)]
    parts = [] if entry.get("isbbox").value is True else _parts(segmentation)
    if parts:
        return [Polygon(name, part.where, (part.flat_pairs(3),)) for part in parts]
    return [] if not entry.get("bbox").value else [box_of(entry.get("bbox"), name, entry.get("attributes"))]


def _parts(segmentation: Json) -> list[Json]:
    """Polygons that have an area: of one or two points they have none; one may stand without a list around it."""
    if segmentation.value is None:
        return []
    parts = list(segmentation.each())
    if parts and not any(isinstance(part.value, list) for part in parts):
        parts = [segmentation]
    return [part for part in parts if not isinstance(part.value, list) or len(part.value) not in (0, 2, 4)]


def rle_mask(code: Json, name: str, size: tuple[int, int] | None) -> Mask:
    """The area of a COCO run-length code, of the image's `size`; raises UserError where it is broken."""
    stated = [side.side() for side in code.need("size").each()]
    if size is not None and stated != list(size):
        raise UserError(f"{code.where}: expected a run-length code of size {list(size)}, not {stated}")
    if len(stated) != 2 or stated[0] * stated[1] > MAX_PIXELS:
        raise UserError(f"{code.where}: expected a size [height, width] of at most {MAX_PIXELS} pixels, not {stated}")
    pixels = decode_rle(code.value, (stated[0], stated[1]), code.where)
    return mask_of(name, code.where, np.asarray(pixels, bool))


def box_of(box: Json, name: str, attributes: Json) -> Rectangle:
    """A box from [left, top, width, height]; raises UserError for anything else.

    attributes: an object in which CVAT says by how many degrees the box is turned, or null; of a turned one the upright
    box around it is taken.
    """
    numbers = [value.number() for value in box.each()]
    if len(numbers) != 4:
        raise box.error("[left, top, width, height]")
    left, top, width, height = numbers
    sides = checked_box(left, top, left + width, top + height, box.where)
    turn = attributes.get("rotation") if isinstance(attributes.value, dict) else attributes
    degrees = turn.number() if isinstance(turn.value, int | float) else 0.0
    return Rectangle(name, box.where, *around_turned(*sides, degrees))
