"""What was found: per class how many shapes and pixels, and the remarks, as lines and as counts."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.matching import Note, Photograph, Remark
from spml.prepare.annotations.model import Mask, Point, Polygon, Rectangle, Shape, Stroke, Tag

COLUMNS: dict[str, type[Shape]] = {
    "points": Point,
    "strokes": Stroke,
    "boxes": Rectangle,
    "polygons": Polygon,
    "masks": Mask,
    "tags": Tag,
}


@dataclass(frozen=True)
class ClassRow:
    """What was found of a class: shapes by their kind, labelled pixels, and images that have any of it."""

    name: str
    shapes: dict[str, int]
    pixels: int
    images: int


def class_rows(photographs: list[Photograph], pixels: np.ndarray, classes: ClassTable) -> list[ClassRow]:
    """One row a class; pixels: how many of each value 0..255 the label maps hold."""
    rows = []
    for value, name in enumerate(classes.names):
        found = [[shape for shape, given in each.shapes if given == value] for each in photographs]
        every = [shape for shapes in found for shape in shapes]
        counts = {title: sum(isinstance(shape, kind) for shape in every) for title, kind in COLUMNS.items()}
        rows.append(ClassRow(name, counts, int(pixels[value]), sum(map(bool, found))))
    return rows


def table_lines(rows: list[ClassRow]) -> list[str]:
    """The rows as lines of text with aligned columns."""
    titles = ["class", *COLUMNS, "pixels", "images"]
    cells = [[row.name, *map(str, [*row.shapes.values(), row.pixels, row.images])] for row in rows]
    widths = [max(len(line[column]) for line in [titles, *cells]) for column in range(len(titles))]
    return [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in [titles, *cells]
    ]


def remark_lines(notes: Iterable[Note]) -> list[str]:
    """One line for each kind of remark: how many, and the first of them."""
    lines = []
    for remark, few in by_remark(notes).items():
        texts = merged_texts(few)
        more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
        lines.append(f"{remark.value}: {sum(note.count for note in few)}: {'; '.join(texts[:3])}{more}")
    return lines


def merged_texts(notes: Iterable[Note]) -> list[str]:
    """The texts of notes, each once with how often it stands and the first place where it does."""
    merged: dict[str, list[Note]] = {}
    for note in notes:
        merged.setdefault(note.text, []).append(note)
    return [_merged(text, same) for text, same in merged.items()]


def _merged(text: str, same: list[Note]) -> str:
    total = sum(note.count for note in same)
    return (f"{total} × " if total > 1 else "") + text + (f" ({same[0].where})" if same[0].where else "")


def by_remark(notes: Iterable[Note]) -> dict[Remark, list[Note]]:
    """Notes by their kind, in the order of the kinds; kinds without notes are left out."""
    found: dict[Remark, list[Note]] = {remark: [] for remark in Remark}
    for note in notes:
        found[note.remark].append(note)
    return {remark: few for remark, few in found.items() if few}
