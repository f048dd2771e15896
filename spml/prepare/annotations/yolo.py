"""YOLO text, one file an image: `class x y width height` or `class x y x y x y ...`, in shares of the image."""

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from spml.data.files import read_text
from spml.data.yaml_text import parse_yaml
from spml.errors import UserError
from spml.prepare.annotations.class_table import counted_names
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Polygon, Rectangle, Shape
from spml.prepare.annotations.values import checked_box, checked_points, number_in

logger = logging.getLogger(__name__)

NAME_FILES = ("data.yaml", "dataset.yaml", "obj.names", "classes.txt", "_darknet.labels")
OTHER_NAME_FILES = ("*.yaml", "*.yml", "*.names")


def is_yolo(document: Document, context: Context) -> bool:
    """Whether this is YOLO's text: its first line holds a class number and shares of 1, or numbers of a photograph."""
    if not isinstance(document.content, str) or document.path.suffix.lower() != ".txt":
        return False
    fields = next((line.split() for line in document.content.splitlines() if line.strip()), [])
    if context.photographs.find(document.path.stem):
        # Broken perhaps, which the reader says; where it is empty, nothing is in the photograph.
        return not fields or (len(fields) > 4 and sum(map(_is_number, fields)) > len(fields) // 2)
    shares = len(fields) > 4 and fields[0].isdecimal() and sum(map(_is_share, fields[1:])) > len(fields) // 2
    return shares and context.photographs.find(fields[0]) is None  # with which tags begin


def read_yolo(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the boxes and polygons of one image; raises UserError, with its line, for any other content.

    Class numbers count the names of a data.yaml, obj.names or classes.txt in one of the document's folders, or of any
    .yaml or .names in those that the user gave; without one they count the lines of the user's classes, which must have
    no background then. Of poses the boxes are read.
    """
    table = _table(document, context) if document.text.strip() else NameTable({})
    found = ImageAnnotations(document.path.stem, str(document.path), relative=True)
    for number, line in enumerate(document.text.splitlines(), 1):
        if line.strip():
            fields = line.split()
            where = f"{document.path}, line {number}"
            found.shapes.append(_shape(fields[:5] if table.poses else fields, table.names, where))
    return [found]


class NameTable(NamedTuple):
    """What class numbers mean; poses: whether keypoints follow the boxes."""

    names: dict[int, str]
    poses: bool = False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_share(text: str) -> bool:
    return _is_number(text) and -1 <= float(text) <= 2


def _shape(fields: list[str], names: dict[int, str], where: str) -> Shape:
    if not fields[0].isdecimal() or len(fields) < 5 or len(fields) % 2 == 0:
        raise UserError(f"{where}: expected a class number and 4 numbers of a box, or 6 or more of a polygon")
    name = names.get(int(fields[0][:9]), f"number {fields[0][:9]}")
    values = [number_in(text, where) for text in fields[1:]]
    if not all(-1 <= value <= 2 for value in values):
        raise UserError(f"{where}: expected shares of the image's width and height, from 0 to 1")
    if len(values) == 4:
        x, y, width, height = values
        sides = checked_box(x - width / 2, y - height / 2, x + width / 2, y + height / 2, where)
        return Rectangle(name, where, *sides)
    return Polygon(name, where, (checked_points(list(zip(values[::2], values[1::2], strict=True)), 3, where),))


def _table(document: Document, context: Context) -> NameTable:
    numbered = dict(enumerate(context.classes.numbered))
    for folder in document.folders():
        key = folder / "table of YOLO"
        if key not in context.seen:
            given = document.top in (folder, *folder.parents)
            # The user's own classes.txt, background first, may lie above; YOLO does not count the background.
            tables = (t for t in _tables_in(folder, given) if t.names != numbered or not context.classes.background)
            context.seen[key] = next(tables, None)
        if context.seen[key] is not None:
            return context.seen[key]
    if context.classes.background:
        raise UserError(
            f"{document.path}: its class numbers mean nothing without a data.yaml, obj.names or classes.txt beside it, "
            "since --classes has a background, which YOLO does not count"
        )
    return NameTable(numbered)


def _tables_in(folder: Path, given: bool) -> Iterator[NameTable]:
    """The tables of a folder, and where the user gave it those of any name; raises UserError where these differ."""
    known = [folder / name for name in NAME_FILES if (folder / name).is_file()]
    for file in known:
        logger.info("YOLO's class numbers are looked up in %s", file)
        yield _read_names(file)
    others: dict[Path, NameTable] = {}
    for file in (file for kind in OTHER_NAME_FILES for file in sorted(folder.glob(kind)) if given):
        with suppress(UserError):  # it may be of something else
            if file.suffix == ".names" or re.search(r"^names\s*:", read_text(file, "class names"), re.MULTILINE):
                others |= {} if file in known else {file: _read_names(file)}
    for file, table in others.items():
        other = next((each for each in others if others[each] != table), None)
        if other:
            raise UserError(f"{file} and {other} name other classes; call the one that YOLO's numbers mean data.yaml")
        logger.info("YOLO's class numbers are looked up in %s", file)
        yield table


def _name(value: object) -> str:
    """A class name; raises ValueError for what repeats itself to any length, lists in lists."""
    if not isinstance(value, str | int | float):
        raise ValueError("no name")
    return str(value)


def _read_names(path: Path) -> NameTable:
    text = read_text(path, "class names")
    if path.suffix not in (".yaml", ".yml"):
        return NameTable(dict(enumerate(counted_names(text.splitlines()))))
    try:
        content = parse_yaml(text)
        names = content["names"]
        if not isinstance(names, list | dict):
            raise ValueError("no list")
        items = names.items() if isinstance(names, dict) else enumerate(names)
        return NameTable({int(number): _name(name) for number, name in items}, "kpt_shape" in content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UserError(f"{path}: expected 'names:' with a list of class names") from None
