"""Tags as text: `ID class class ...` a line, in words between spaces or as CSV, classes by name or number."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spml.data.files import IMAGE_ENDINGS
from spml.data.lists import split_fields
from spml.errors import UserError
from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Tag

YES, NO = ("1", "1.0", "true", "yes"), ("", "0", "0.0", "false", "no")
# What columns are called, in lower case without signs and a number behind.
IMAGE_TITLES = (
    "image", "images", "imageid", "imagename", "imagepath", "imagefile", "img", "file", "filename", "filepath", "path",
    "photo", "photoid", "photograph", "picture", "id", "name",
)  # fmt: skip
CLASS_TITLES = (
    "class", "classes", "classname", "classid", "label", "labels", "labelname", "tag", "tags",
    "category", "categories", "categoryid",
)  # fmt: skip
BOX_TITLES = ("xmin", "ymin", "xmax", "ymax", "x", "y", "left", "top", "right", "bottom", "width", "height")
WHOLE_BOX_TITLES = ("bbox", "regionshapeattributes")
MOST_LOOKED_AT = 10_000  # lines

Line = tuple[int, list[str]]  # the number and the cells of a line


@dataclass(frozen=True)
class TagTable:
    """Lines of a file and what its columns are.

    head: the titles, () where there are none; rows: the lines below; image: the column of the photographs; classes: the
    columns that name classes, or are called like one and hold 0 and 1 (yes_no), further cells of a line being classes
    too where there are titles; boxes: the title of a column that only boxes have, or ''.
    """

    head: tuple[str, ...]
    rows: list[Line]
    image: int
    classes: tuple[int, ...] = ()
    yes_no: bool = False
    boxes: str = ""

    def parts(self, cells: list[str]) -> list[str]:
        """The classes that a line names, whatever stands between them."""
        chosen = [
            place
            for place in range(len(cells))
            if place != self.image and (place in self.classes or place >= len(self.head))
        ]
        return [part.strip() for place in chosen for part in re.split("[;|,]", cells[place]) if part.strip()]


def is_tag_text(document: Document, context: Context) -> bool:
    """Whether some line names a photograph where it should, and some line has classes, which are no paths."""
    if not isinstance(document.content, str) or not document.content.strip():
        return False
    table = _table(document.content, context)
    parts = [part for _, cells in table.rows[:MOST_LOOKED_AT] for part in table.parts(cells)]
    if "-1" in parts or any("/" in part or part.lower().endswith(".png") for part in parts):
        return False
    found = any(context.photographs.find(cell) for cell in _column(table.rows[:MOST_LOOKED_AT], table.image))
    return found and bool(parts or table.yes_no or table.boxes)


def read_tag_text(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the tags of many images; raises UserError for boxes, and where a cell of a table of 0 and 1 is neither.

    The first line holds titles where one of its cells is called like a column of images or classes, or where below it
    is a table of 0 and 1. Numbers count the lines of the user's classes from 0 in files that name no class by words.
    """
    assert isinstance(document.content, str)
    table = _table(document.content, context)
    if table.boxes:
        raise UserError(
            f"{document.path}: its column {table.boxes!r} is of boxes, which are not read from tables; expected COCO "
            "JSON, PASCAL VOC XML or YOLO text, or the columns of images and classes alone"
        )
    parts = (part for _, cells in table.rows for part in table.parts(cells))
    numbers = not any(context.classes.value(part) is not None for part in parts if not part.isdecimal())
    found = []
    for number, cells in table.rows:
        where = f"{document.path}, line {number}"
        if table.yes_no:
            names = _chosen(table, cells, where)
        else:
            names = [name for part in table.parts(cells) for name in _names(part, context.classes, numbers)]
        if len(cells) > table.image:
            found.append(ImageAnnotations(cells[table.image], where, shapes=[Tag(name, where) for name in names]))
    return found


def _table(text: str, context: Context) -> TagTable:
    rows = list(_rows(text))
    head = rows[0][1]
    titles = [re.sub(r"[^a-z]", "", cell.lower()) for cell in head]
    image = _image_column(rows, titles, context)
    others = [place for place in range(len(head)) if place != image and titles[place] not in ("", *IMAGE_TITLES)]
    called = [place for place in others if context.classes.value(head[place]) is not None]
    if not _is_titled(rows, titles, image, called, context):
        return TagTable((), rows, image)
    rows = rows[1:]
    boxes = [place for place in others if titles[place] in BOX_TITLES and place not in called]
    boxes = boxes if len(boxes) > 2 else []
    boxes += [place for place in others if titles[place] in WHOLE_BOX_TITLES]
    classes = [place for place in others if titles[place] in CLASS_TITLES]
    whole = [place for place in others if _is_yes_no(rows, [place])]
    yes_no = not classes and bool(called or len(whole) == len(others) > 1)
    if yes_no:
        classes = sorted({*called, *whole})
    else:
        classes += [place for place in others if place not in classes and _any_class(_column(rows, place), context)]
    return TagTable(tuple(head), rows, image, tuple(classes), yes_no, head[boxes[0]] if boxes else "")


def _is_titled(rows: list[Line], titles: list[str], image: int, called: list[int], context: Context) -> bool:
    first = rows[0][1][image] if image < len(rows[0][1]) else ""
    if context.photographs.find(first) or any(cell.lower().endswith(IMAGE_ENDINGS) for cell in rows[0][1]):
        return False
    others = [place for place in range(len(titles)) if place != image]
    return (
        any(title in IMAGE_TITLES + CLASS_TITLES for title in titles)
        or (bool(called) and _is_yes_no(rows[1:], called))
        or (len(others) > 1 and _is_yes_no(rows[1:], others))
    )


def _is_yes_no(rows: list[Line], places: Sequence[int]) -> bool:
    """Whether columns hold 0 and 1 alone."""
    return bool(rows) and {cell.lower() for place in places for cell in _column(rows, place)} <= {*YES, *NO}


def _any_class(cells: list[str], context: Context) -> bool:
    words = (word for cell in cells for word in (cell, *re.split("[;|, ]", cell)))
    return any(context.classes.value(word) is not None for word in words if word)


def _column(rows: list[Line], place: int) -> list[str]:
    return [cells[place] for _, cells in rows if len(cells) > place]


def _image_column(rows: list[Line], titles: list[str], context: Context) -> int:
    """The column of most photographs: by their file names, else, of the first and those called so, by their names."""
    looked = rows[:MOST_LOOKED_AT]
    scores = []
    for place in range(max(len(cells) for _, cells in looked)):
        found = [cell for cell in _column(looked, place) if context.photographs.find(cell)]
        files = sum(cell.lower().endswith(IMAGE_ENDINGS) for cell in found)
        known = place < len(titles) and titles[place] in IMAGE_TITLES
        scores.append((files, len(found) if known or place == 0 else 0, known))
    return scores.index(max(scores))


def _rows(text: str) -> Iterator[Line]:
    """The number and the cells of each line that is not blank."""
    lines = text.splitlines()
    separator = next((mark for mark in "\t,;" if any(mark in line for line in lines[:1])), None)
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _words(line) if separator is None else _cells(line, separator)


def _words(line: str) -> list[str]:
    try:
        return split_fields(line, "")
    except UserError:  # a quote that is a letter of the text
        return line.split()


def _cells(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    except csv.Error:
        return [line]


def _chosen(table: TagTable, cells: list[str], where: str) -> list[str]:
    if len(cells) != len(table.head) or any(cells[place].lower() not in YES + NO for place in table.classes):
        raise UserError(f"{where}: expected {len(table.classes)} cells of 0 or 1, one for each class of the first line")
    return [table.head[place] for place in table.classes if cells[place].lower() in YES]


def _names(part: str, classes: ClassTable, numbers: bool) -> list[str]:
    if classes.value(part) is not None:
        return [part]
    if numbers and part.isdecimal() and int(part[:9]) < len(classes.numbered):
        return [classes.numbered[int(part[:9])]]
    words = part.split()
    return words if all(classes.value(word) is not None for word in words) else [part]
