"""Label Studio's JSON export: keypoints, brushes, rectangles, ellipses, polygons, choices; coordinates in percent."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from spml.data.files import IMAGE_ENDINGS
from spml.errors import UserError
from spml.prepare.annotations.brush_codes import decode_brush
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import (
    ImageAnnotations,
    Point,
    Polygon,
    Rectangle,
    Shape,
    Tag,
    ellipse,
    hull,
    mask_of,
    turned,
)
from spml.prepare.annotations.values import Json, checked_points

GEOMETRIES = ("keypoint", "brush", "rectangle", "ellipse", "polygon")


def is_label_studio(document: Document, context: Context) -> bool:
    """Whether this is Label Studio's JSON: a task, or a list of tasks, with its data; raises UserError for JSON-MIN."""
    first = document.first
    if isinstance(first, dict) and {"annotation_id", "annotator"} <= {*first} and "data" not in first:
        raise UserError(f"{document.path}: is Label Studio's JSON-MIN, which leaves out what is needed; export as JSON")
    return isinstance(first, dict) and ("data" in first or {"annotations", "predictions"} <= {*first})


def read_label_studio(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read all tasks that have been annotated; raises UserError, with its place, for anything else than its export.

    Of several annotations of a task the last counts; cancelled ones and predictions do not.
    """
    content = document.json
    tasks = content.each() if isinstance(content.value, list) else [content]
    return [found for task in tasks for found in _task(task)]


def _task(task: Json) -> Iterator[ImageAnnotations]:
    name = _image_of(task.need("data"))
    lists = task.need("annotations" if task.get("completions").value is None else "completions")
    done = [entry for entry in lists.each() if not entry.get("was_cancelled").value]
    if not done:
        return
    found = ImageAnnotations(name, task.where)
    found.left_out += [("an earlier annotation of the same image", entry.where) for entry in done[:-1]]
    results = list(done[-1].need("result").each())
    _need_one_image(results)
    for entry in results:
        found.size = found.size or entry.size("original_height", "original_width")  # percent are the same of any size
        shapes = list(_shapes(entry, results, found.size))
        found.shapes += shapes
        if not shapes and entry.get("type").value != "labels":
            known = str(entry.get("type").value).removesuffix("labels") in (*GEOMETRIES, "choices")
            why = "without a label" if known else "not read"
            found.left_out.append((f"result of type {entry.get('type').value!r} {why}", entry.where))
    yield found


def _need_one_image(results: list[Json]) -> None:
    """Raise UserError where results are of several images of a task: nothing says which of them is which."""
    for key in ("to_name", "item_index"):
        drawn = (entry for entry in results if str(entry.get("type").value).removesuffix("labels") in GEOMETRIES)
        images = [(entry.get(key).value, entry) for entry in drawn if entry.get(key).value is not None]
        for value, entry in images[1:]:
            if value != images[0][0]:
                raise UserError(f"{entry.where}, {key}: another image of the task; expected tasks of one image each")


def _image_of(data: Json) -> str:
    """The first text of a task's data that names an image, under `image` by preference."""
    texts = [data.get(key).value for key in ("image", *data.keys())]
    names = [text for text in texts if isinstance(text, str)]
    named = [text for text in names if text.lower().partition("?x-")[0].endswith(IMAGE_ENDINGS)] or names
    if not named:
        raise UserError(f"{data.where}: names no image")
    return named[0]


def _shapes(entry: Json, results: list[Json], size: tuple[int, int] | None) -> Iterator[Shape]:
    """The shapes of a result, one for each of its labels."""
    kind = str(entry.get("type").value).removesuffix("labels")
    if kind == "choices":
        yield from (Tag(choice.text(), choice.where) for choice in entry.need("value").need("choices").each())
        return
    names = _labels(entry, kind, results) if kind in GEOMETRIES else []
    if not names:
        return
    if size is None:
        raise UserError(f"{entry.where}: has no 'original_height'")
    for name in names:
        yield _shape(name, kind, _Value(entry.need("value"), size))


def _labels(entry: Json, kind: str, results: list[Json]) -> list[str]:
    """The labels that a result bears, or another result of the same id."""
    number = entry.get("id").value
    others = (other for other in results if number is not None and other.get("id").value == number)
    for bearer in chain([entry], others):
        for key in (f"{kind}labels", "labels"):
            value = bearer.get("value")
            names = value if value.value is None else value.get(key)
            if names.value:
                return [name.text() for name in names.each()]
    return []


class _Value(NamedTuple):
    """A result's value, with lengths in percent of the image's size as pixels."""

    json: Json
    size: tuple[int, int]

    def across(self, key: str) -> float:
        """A length along the width, in pixels."""
        return self.json.need(key).number() * self.size[1] / 100

    def down(self, key: str) -> float:
        """A length along the height, in pixels."""
        return self.json.need(key).number() * self.size[0] / 100

    def rotation(self) -> float:
        """The turn in degrees, 0 where none is given."""
        turn = self.json.get("rotation")
        return turn.number() if turn.value is not None else 0.0


def _shape(name: str, kind: str, value: _Value) -> Shape:
    where = value.json.where
    if kind == "keypoint":
        return Point(name, where, value.across("x"), value.down("y"))
    if kind == "brush":
        return mask_of(name, where, decode_brush(value.json.need("rle"), value.size))
    if kind == "rectangle":
        return Rectangle(name, where, *_rectangle(value))
    if kind == "ellipse":
        radii = value.across("radiusX"), value.down("radiusY")
        return Polygon(name, where, (ellipse(value.across("x"), value.down("y"), *radii, value.rotation()),))
    points = value.json.need("points").pairs(3) * [value.size[1] / 100, value.size[0] / 100]
    return Polygon(name, where, (checked_points(points, 3, where),))


def _rectangle(value: _Value) -> tuple[float, float, float, float]:
    """Left, top, right, bottom; a turned rectangle turns about its upper left corner, and gives the box around it."""
    width, height = value.across("width"), value.down("height")
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    turn = value.rotation()
    return hull((turned(corners, turn) if turn else corners) + [value.across("x"), value.down("y")])
