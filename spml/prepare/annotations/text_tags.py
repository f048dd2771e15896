"""Tags as text: `ID class class ...` a line, in words between spaces or as CSV, classes by name or number."""

import csv
import re
from collections.abc import Iterator

from spml.data.lists import split_fields
from spml.errors import UserError
from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Tag

YES, NO = ("1", "1.0", "true", "yes"), ("", "0", "0.0", "false", "no")


def is_tag_text(document: Document, context: Context) -> bool:
    """Whether some line begins with the name of a photograph, and some line has more, which is no path."""
    if not isinstance(document.content, str):
        return False
    rows = [cells for _, cells in _rows(document.content)][:200]
    more = [cell for cells in rows for cell in cells[1:]]
    if not more or "-1" in more or any("/" in cell or cell.lower().endswith(".png") for cell in more):
        return False
    return any(context.photographs.find(cells[0]) for cells in rows)


def read_tag_text(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the tags of many images; raises UserError, with its line, where a cell of a table of 0 and 1 is neither.

    A first line that begins with no photograph, and whose other cells name a class, makes the file a table of 0 and 1.
    So does one above cells of 0 and 1 alone. Elsewhere numbers count the lines of the user's classes from 0 where no
    class is called so.
    """
    assert isinstance(document.content, str)
    rows = list(_rows(document.content))
    head = rows[0][1]
    titled = context.photographs.find(head[0]) is None
    table = titled and _is_table(head, rows[1:], context.classes)
    found = []
    for number, cells in rows[titled:]:
        where = f"{document.path}, line {number}"
        tags = _chosen(head, cells, where) if table else _named(cells, context.classes)
        found.append(ImageAnnotations(cells[0], where, shapes=[Tag(tag, where) for tag in tags]))
    return found


def _is_table(head: list[str], rows: list[tuple[int, list[str]]], classes: ClassTable) -> bool:
    cells = [cell.lower() for _, row in rows for cell in row[1:]]
    return any(classes.value(cell) is not None for cell in head[1:]) or (len(head) > 2 and {*cells} <= {*YES, *NO})


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
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


def _chosen(head: list[str], cells: list[str], where: str) -> list[str]:
    if len(cells) != len(head) or any(cell.lower() not in YES + NO for cell in cells[1:]):
        raise UserError(f"{where}: expected {len(head) - 1} cells of 0 or 1, one for each class of the first line")
    return [name for name, cell in zip(head[1:], cells[1:], strict=True) if cell.lower() in YES]


def _named(cells: list[str], classes: ClassTable) -> list[str]:
    parts = [part.strip() for cell in cells[1:] for part in re.split("[;|,]", cell) if part.strip()]
    return [name for part in parts for name in _names(part, classes)]


def _names(part: str, classes: ClassTable) -> list[str]:
    if classes.value(part) is not None:
        return [part]
    if part.isdecimal() and int(part[:9]) < len(classes.numbered):
        return [classes.numbered[int(part[:9])]]
    words = part.split()
    return words if all(classes.value(word) is not None for word in words) else [part]
