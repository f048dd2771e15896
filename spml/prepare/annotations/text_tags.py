"""Tags as text: `ID class class ...` a line, in words between spaces or as CSV, classes by name or number."""

import logging

from spml.errors import UserError
from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Tag
from spml.prepare.annotations.tag_table import MOST_LOOKED_AT, NO, YES, TagTable, parse_table

logger = logging.getLogger(__name__)


def is_tag_text(document: Document, context: Context) -> bool:
    """Whether some line names a photograph where it should, and some line has classes, which are no paths."""
    if not isinstance(document.content, str) or not document.content.strip():
        return False
    table = parse_table(document.content, context)
    parts = [part for _, cells in table.rows[:MOST_LOOKED_AT] for part in table.parts(cells)]
    if "-1" in parts or any("/" in part or part.lower().endswith(".png") for part in parts):
        return False
    found = any(context.photographs.find(cell) for cell in table.photographs())
    return found and bool(parts or table.yes_no or table.boxes)


def read_tag_text(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the tags of many images; raises UserError for boxes, and where a cell of a table of 0 and 1 is neither.

    Numbers count the lines of the user's classes from 0 in files that name no class by words.
    """
    table = parse_table(document.text, context)
    if table.boxes:
        raise UserError(
            f"{document.path}: its column {table.boxes!r} is of boxes, which are not read from tables; expected COCO "
            "JSON, PASCAL VOC XML or YOLO text, or the columns of images and classes alone"
        )
    if table.head:
        classes = ", ".join(repr(table.head[place]) for place in table.classes) or "none"
        logger.info("%s: photographs are in column %r, classes: %s", document.path, table.head[table.image], classes)
    parts = (part for _, cells in table.rows for part in table.parts(cells))
    counted = not any(context.classes.value(part) is not None for part in parts if not part.isdecimal())
    found = []
    for number, cells in table.rows:
        where = f"{document.path}, line {number}"
        if table.yes_no:
            names = _chosen(table, cells, where)
        else:
            names = [name for part in table.parts(cells) for name in _names(part, context.classes, counted)]
        if len(cells) > table.image:
            found.append(ImageAnnotations(cells[table.image], where, shapes=[Tag(name, where) for name in names]))
    return found


def _chosen(table: TagTable, cells: list[str], where: str) -> list[str]:
    if len(cells) != len(table.head) or any(cells[place].lower() not in YES + NO for place in table.classes):
        raise UserError(f"{where}: expected {len(table.classes)} cells of 0 or 1, one for each class of the first line")
    return [table.head[place] for place in table.classes if cells[place].lower() in YES]


def _names(part: str, classes: ClassTable, counted: bool) -> list[str]:
    """The names that a part of a cell means; counted: whether numbers count the lines of the user's classes."""
    if classes.value(part) is not None:
        return [part]
    if counted and part.isdecimal() and int(part[:9]) < len(classes.numbered):
        return [classes.numbered[int(part[:9])]]
    words = part.split()
    return words if all(classes.value(word) is not None for word in words) else [part]
