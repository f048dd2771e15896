"""check.html: one file that shows what was read, what was left out, and how it lies on the photographs."""

import html
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from spml.data.files import read_image
from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.findings import COLUMNS, ClassRow, by_remark, merged_texts
from spml.prepare.annotations.matching import Note, Photograph
from spml.prepare.annotations.model import scaled
from spml.prepare.annotations.rasterise import Brush, draw
from spml.visualize import data_address, overlay, voc_palette

CELL = 240  # the longer side of a picture of the contact sheet
MOST_NOTES = 100
STYLE = (
    "body{font:14px sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse}"
    "td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}"
    "figure{display:inline-block;margin:4px;vertical-align:top}figcaption{font-size:12px;max-width:240px}"
    "i{display:inline-block;width:.9em;height:.9em;margin-right:.5em}"
)


def check_page(
    summary: Sequence[str], rows: list[ClassRow], notes: Iterable[Note], pictures: list[tuple[str, str]]
) -> str:
    """The page as HTML; summary: lines that come first; pictures: (title, data address) of the contact sheet."""
    parts = ["<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>Annotations</title>"]
    parts += [f"<style>{STYLE}</style><h1>Annotations</h1>", *(f"<p>{html.escape(line)}</p>" for line in summary)]
    parts += ["<h2>Classes</h2>", _table(rows), "<h2>Remarks</h2>", *_remarks(notes)]
    parts.append(f"<h2>Contact sheet</h2><p>{len(pictures)} of the annotated photographs, boxes as frames.</p>")
    for title, address in pictures:
        title = html.escape(title)
        parts.append(f"<figure><img src='{address}' alt='{title}'><figcaption>{title}</figcaption></figure>")
    return "\n".join(parts) + "</html>\n"


def _table(rows: list[ClassRow]) -> str:
    titles = "".join(f"<th>{title}</th>" for title in ["class", *COLUMNS, "pixels", "images"])
    lines = []
    for value, row in enumerate(rows):
        colour = "#{:02x}{:02x}{:02x}".format(*colours()[value])
        numbers = "".join(f"<td>{number}</td>" for number in [*row.shapes.values(), row.pixels, row.images])
        lines.append(f"<tr><td><i style='background:{colour}'></i>{value} {html.escape(row.name)}</td>{numbers}</tr>")
    return f"<table><tr>{titles}</tr>{''.join(lines)}</table>"


def _remarks(notes: Iterable[Note]) -> list[str]:
    lines = []
    for remark, few in by_remark(notes).items():
        total = sum(note.count for note in few)
        items = [f"<li>{html.escape(text)}</li>" for text in merged_texts(few)]
        more = f"<li>and {len(items) - MOST_NOTES} more</li>" if len(items) > MOST_NOTES else ""
        lines.append(f"<details><summary>{total} {html.escape(remark.value)}</summary>")
        lines.append(f"<ul>{''.join(items[:MOST_NOTES])}{more}</ul></details>")
    return lines or ["<p>None.</p>"]


def colours() -> np.ndarray:
    """The colours of the classes, 256×3 uint8: VOC's, without its black, which would not show."""
    return np.roll(voc_palette(), -1, 0)


def picture(photograph: Photograph, context: Context) -> tuple[str, str]:
    """A small JPEG of a photograph under its labels, as (title, data address).

    Dots and strokes are drawn at the small size, so that they can be seen.
    """
    image = Image.fromarray(read_image(context.photographs.paths[photograph.id]))
    share = min(1.0, CELL / max(image.size))
    small = image.resize([max(1, round(share * side)) for side in image.size], Image.Resampling.BOX)
    factors = small.width / image.width, small.height / image.height
    shapes = [(scaled(shape, *factors), value) for shape, value in photograph.shapes]
    drawn = draw((small.height, small.width), shapes, Brush(8, 4))
    shown = Image.fromarray(overlay(np.array(small), drawn.label, colours(), 0.6))
    for box, value in Photograph(photograph.id, photograph.size, shapes).boxes(context.classes):
        corners = [box.left, box.top, max(box.left, box.right - 1), max(box.top, box.bottom - 1)]
        ImageDraw.Draw(shown).rectangle(corners, outline=tuple(colours()[value].tolist()), width=2)
    return _title(photograph, context.classes), data_address(np.array(shown))


def _title(photograph: Photograph, classes: ClassTable) -> str:
    return ": ".join([photograph.id, ", ".join(classes.names[value] for value in photograph.tags(classes))])
