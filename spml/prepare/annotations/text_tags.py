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
# What columns are called, in lower case without signs.
IMAGE_TITLES = (
    "image",
    "images",
    "imageid",
    "imagename",
    "imagepath",
    "img",
    "file",
    "filename",
    "path",
    "photo",
    "id",
)
CLASS_TITLES = (
    "class", "classes", "classname", "classid", "label", "labels", "labelname", "tag", "tags",
    "category", "categories", "categoryid",
)  # fmt: skip
BOX_TITLES = ("xmin", "x0", "x1", "left", "bbox", "bboxx", "regionshapeattributes")
MOST_LOOKED_AT = 200  # lines

Line = tuple[int, list[str]]  # the number and the cells of a line


@dataclass(frozen=True)
class TagTable:
    """Lines of a file and what its columns are.

    head: the titles, or the cells of the first line, which has none; rows: (number, cells) of the lines below;
    image: the column of the photographs; classes: the columns of classes, None: all others; yes_no: whether they are
    called like classes and hold 0 and 1; boxes: the title of a column that only boxes have, or ''.
    """

    head: list[str]
    rows: list[Line]
    image: int
    classes: tuple[int, ...] | None
    yes_no: bool
    boxes: str

    def parts(self, cells: list[str]) -> list[str]:
        """The classes that a line names, whatever stands between them."""
        columns = [place for place in range(len(cells)) if place != self.image]
        chosen = columns if self.classes is None else [place for place in columns if place in self.classes]
        return [part.strip() for place in chosen for part in re.split("[;|,]", cells[place]) if part.strip()]


def is_tag_text(document: Document, context: Context) -> bool:
    """Whether some line names a photograph where it should, and some line has more, which is no path and no list."""
    if not isinstance(document.content, str) or not document.content.strip():
        return False
    table = _table(document.content, context)
    rows = [cells for _, cells in table.rows][:MOST_LOOKED_AT]
    more = [cell for cells in rows for place, cell in enumerate(cells) if place != table.image]
    if not more or "-1" in more or any("/" in cell or cell.lower().endswith(".png") for cell in more):
        return False
    found = any(context.photographs.find(cells[table.image]) for cells in rows if len(cells) > table.image)
    return found and (table.classes != () or bool(table.boxes))


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
    numbers = all(part.isdecimal() for _, cells in table.rows for part in table.parts(cells))
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
    titles = ["".join(letter for letter in cell.lower() if letter.isalnum()) for cell in head]
    if not _is_titled(rows, titles, context):
        return TagTable(head, rows, _image_column(rows, [], context), None, False, "")
    rows = rows[1:]
    image = _image_column(rows, titles, context)
    others = [place for place in range(len(head)) if place != image and head[place]]  # one without a title counts lines
    classes = [place for place in others if titles[place] in CLASS_TITLES]
    yes_no = not classes and (_any_class([head[place] for place in others], context) or _is_yes_no(rows, others))
    if not classes:
        classes = others if yes_no else [place for place in others if _any_class(_column(rows, place), context)]
    boxes = next((head[place] for place in others if titles[place] in BOX_TITLES), "")
    return TagTable(head, rows, image, tuple(classes), yes_no, boxes)


def _is_titled(rows: list[Line], titles: list[str], context: Context) -> bool:
    head = rows[0][1]
    if context.photographs.find(head[0]) or any(cell.lower().endswith(IMAGE_ENDINGS) for cell in head):
        return False
    return any(title in IMAGE_TITLES + CLASS_TITLES for title in titles) or _is_yes_no(rows[1:], range(1, len(head)))


def _is_yes_no(rows: list[Line], places: Sequence[int]) -> bool:
    """Whether several columns hold 0 and 1 alone."""
    cells = {cell.lower() for place in places for cell in _column(rows, place)}
    return len(places) > 1 and bool(rows) and cells <= {*YES, *NO}


def _any_class(cells: list[str], context: Context) -> bool:
    words = (word for cell in cells for word in (cell, *re.split("[;|, ]", cell)))
    return any(context.classes.value(word) is not None for word in words if word)


def _column(rows: list[Line], place: int) -> list[str]:
    return [cells[place] for _, cells in rows[:MOST_LOOKED_AT] if len(cells) > place]


def _image_column(rows: list[Line], titles: list[str], context: Context) -> int:
    """The column of the photographs' file names, else the one that is called so, else the first."""
    files = [0] * max(len(cells) for _, cells in rows[:MOST_LOOKED_AT] or [(0, [""])])
    for place in range(len(files)):
        named = [cell for cell in _column(rows, place) if cell.lower().endswith(IMAGE_ENDINGS)]
        files[place] = sum(context.photographs.find(cell) is not None for cell in named)
    if any(files):
        return files.index(max(files))
    return next((titles.index(title) for title in IMAGE_TITLES if title in titles), 0)


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
    columns = table.classes or ()
    if len(cells) != len(table.head) or any(cells[place].lower() not in YES + NO for place in columns):
        raise UserError(f"{where}: expected {len(columns)} cells of 0 or 1, one for each class of the first line")
    return [table.head[place] for place in columns if cells[place].lower() in YES]


def _names(part: str, classes: ClassTable, numbers: bool) -> list[str]:
    if classes.value(part) is not None:
        return [part]
    if numbers and int(part[:9]) < len(classes.numbered):
        return [classes.numbered[int(part[:9])]]
    words = part.split()
    return words if all(classes.value(word) is not None for word in words) else [part]
