"""What the lines and columns of a text with tags are: which cell names the photograph, which ones classes."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spml.data.files import IMAGE_ENDINGS
from spml.data.lists import split_fields
from spml.errors import UserError
from spml.prepare.annotations.context import Context

YES, NO = ("1", "1.0", "true", "yes"), ("", "0", "0.0", "false", "no")
SEPARATORS = ("\t", ",", ";", "")  # '': words between spaces
# What columns are called, in lower case without signs and a number behind.
IMAGE_TITLES = (
    "image", "images", "imageid", "imagename", "imagepath", "imagefile", "img", "file", "filename", "filepath", "path",
    "photo", "photoid", "photograph", "picture", "id", "name",
)  # fmt: skip
CLASS_TITLES = (
    "class", "classes", "classname", "classid", "label", "labels", "labelname", "tag", "tags",
    "category", "categories", "categoryid",
)  # fmt: skip
PART_TITLES = ("split", "subset", "set", "dataset", "partition", "fold", "phase", "usage")  # VOC has a class `train`
BOX_TITLES = ("xmin", "ymin", "xmax", "ymax", "x", "y", "left", "top", "right", "bottom", "width", "height")
WHOLE_BOX_TITLES = ("bbox", "regionshapeattributes")
MOST_LOOKED_AT = 10_000  # lines, for what columns are
MOST_PARTED = 100  # lines, for what parts cells
_NO_LINE = re.compile(r"#\s|sep=.$")  # a comment; what office programs write in front

Line = tuple[int, list[str]]  # the number and the cells of a line


@dataclass(frozen=True)
class TagTable:
    """Lines of a file and what its columns are.

    rows: the lines, without titles; image: the column of the photographs; classes: the columns that name classes, or
    are called like one and hold 0 and 1 (yes_no); rest: the column from which on all others name classes too; head: the
    titles, () where there are none; boxes: the title of a column that only boxes have, or ''.
    """

    rows: list[Line]
    image: int
    classes: tuple[int, ...] = ()
    rest: int = 0
    head: tuple[str, ...] = ()
    yes_no: bool = False
    boxes: str = ""

    def parts(self, cells: list[str]) -> list[str]:
        """The classes that a line names, whatever stands between them."""
        chosen = [cells[p] for p in range(len(cells)) if p != self.image and (p in self.classes or p >= self.rest)]
        return [part.strip() for cell in chosen for part in re.split("[;|,]", cell) if part.strip()]

    def photographs(self) -> list[str]:
        """The cells of the photographs, of the first lines."""
        return _column(self.rows[:MOST_LOOKED_AT], self.image)


def parse_table(text: str, context: Context) -> TagTable:
    """Find out what the columns of a text are.

    The first line holds titles where one of its cells is called like a column of images or classes, or where below it
    is a table of 0 and 1. Comments and blank lines count for nothing.
    """
    rows = _rows(text, context)
    if not rows:
        return TagTable([], 0)
    head = rows[0][1]
    titles = [re.sub(r"[^a-z]", "", cell.lower()) for cell in head]
    image = _image_column(rows, titles, context)
    no_class = ("", *IMAGE_TITLES, *PART_TITLES)
    others = [place for place in range(len(head)) if place != image and titles[place] not in no_class]
    called = [place for place in others if context.classes.value(head[place]) is not None]
    if not _is_titled(rows, titles, image, called, context):
        return TagTable(rows, image)
    rows = rows[1:]
    boxes = _box_columns(titles, [place for place in others if place not in called])
    classes = [place for place in others if titles[place] in CLASS_TITLES]
    whole = [place for place in others if _is_yes_no(rows, [place])]
    yes_no = not classes and bool(called or len(whole) == len(others) > 1)
    if yes_no:
        classes = sorted({*called, *whole})
    else:
        classes += [place for place in others if place not in classes and _any_class(_column(rows, place), context)]
    return TagTable(rows, image, tuple(classes), len(head), tuple(head), yes_no, head[boxes[0]] if boxes else "")


def _box_columns(titles: list[str], places: list[int]) -> list[int]:
    sides = [place for place in places if titles[place] in BOX_TITLES]
    return (sides if len(sides) > 2 else []) + [place for place in places if titles[place] in WHOLE_BOX_TITLES]


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


def _rows(text: str, context: Context) -> list[Line]:
    """The number and the cells of each line, parted so that most first cells, or else most lines, name photographs."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    lines = [(number, line) for number, line in lines if not _NO_LINE.match(line)]
    few = [line for _, line in lines[:MOST_PARTED]]
    marks = [mark for mark in SEPARATORS if not mark or any(mark in line for line in few)]
    separator = max(marks, key=lambda mark: _named(few, mark, context))
    return [(number, _cells(line, separator)) for number, line in lines]


def _named(lines: list[str], separator: str, context: Context) -> tuple[int, int]:
    """How many lines begin with a photograph, and how many name one at all."""
    rows = [[context.photographs.find(cell) is not None for cell in _cells(line, separator)] for line in lines]
    return sum(cells[0] for cells in rows if cells), sum(map(any, rows))


def _cells(line: str, separator: str) -> list[str]:
    try:
        if not separator:
            return split_fields(line, "")
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    except UserError:  # a quote that is a letter of the text
        return line.split()
    except csv.Error:
        return [line]
