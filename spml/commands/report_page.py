"""The page that shows what a recipe made."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spml.commands.event_files import Curve
from spml.commands.line_chart import line_chart
from spml.commands.score_files import ClassTableColumn

REPORT_STYLE = (
    "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}"
    "td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd;max-width:9em;vertical-align:bottom}"
    "td:first-child,th:first-child{text-align:left}tr:last-child{font-weight:bold}"
    "figure{display:inline-block;margin:4px;vertical-align:top}figcaption{font-size:12px;color:#555}"
    "svg{font-size:11px}rect{fill:#f6f6f6}polyline{fill:none;stroke:#1668b8;stroke-width:1.5}"
    "section{border-top:1px solid #ddd;padding:.5em 0}h3{font-size:15px;margin:.3em 0}"
    "i{display:inline-block;width:.9em;height:.9em;margin:0 .3em 0 1em;border:1px solid #888}"
)


@dataclass(frozen=True)
class ShownImage:
    """An image of the page; pictures: (title, data address); classes: those that its masks show."""

    name: str
    pictures: Sequence[tuple[str, str]]
    classes: frozenset[int]


@dataclass(frozen=True)
class ShownList:
    """The images of a data list that the page shows; total: how many the list holds."""

    name: str
    images: Sequence[ShownImage]
    total: int


@dataclass(frozen=True)
class Report:
    """What a page shows; scores, curves: by their titles; absent: files that were asked for and are not there."""

    title: str
    names: Sequence[str]
    palette: np.ndarray
    lists: Sequence[ShownList]
    scores: dict[str, ClassTableColumn]
    curves: dict[str, dict[str, Curve]]
    absent: Sequence[str]


def report_page(report: Report) -> str:
    """The page as HTML; it needs no other file."""
    title = html.escape(report.title)
    parts = [f"<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>{title}</title>"]
    parts.append(f"<style>{REPORT_STYLE}</style><h1>{title}</h1>")
    if report.absent:
        parts.append(f"<p>Not there: {html.escape(', '.join(report.absent))}.</p>")
    if report.scores:
        parts += ["<h2>IoU of the classes, %</h2>", _table(report.scores)]
    if report.curves:
        parts.append("<h2>Trainings</h2><p>Below each curve its last value.</p>")
        parts += [_training(name, curves) for name, curves in report.curves.items()]
    parts += ["<h2>Images</h2>", _legend(report)]
    for each in report.lists:
        parts.append(f"<h2>{html.escape(each.name)}: {len(each.images)} of {each.total} images</h2>")
        parts += [_section(image) for image in each.images]
    return "\n".join(parts) + "</html>\n"


def _table(scores: dict[str, ClassTableColumn]) -> str:
    classes = list(dict.fromkeys(name for column in scores.values() for name in column.iou))
    rows = [[name, *(_figure(column.iou.get(name)) for column in scores.values())] for name in classes]
    rows.append(["mean", *(_figure(column.mean) for column in scores.values())])
    head = "".join(f"<th>{html.escape(title)}</th>" for title in ["class", *scores])
    lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _training(name: str, curves: dict[str, Curve]) -> str:
    charts = "".join(line_chart(title, curve) for title, curve in curves.items())
    return f"<section><h3>{html.escape(name)}</h3>{charts or 'No curve.'}</section>"


def _legend(report: Report) -> str:
    used = sorted({number for each in report.lists for image in each.images for number in image.classes})
    swatches = []
    for number in used:
        red, green, blue = report.palette[number].tolist()
        name = report.names[number] if number < len(report.names) else str(number)
        swatches.append(f"<i style='background:rgb({red},{green},{blue})'></i>{html.escape(name)}")
    return f"<p>{''.join(swatches)}</p>"


def _section(image: ShownImage) -> str:
    figures = []
    for title, address in image.pictures:
        title = html.escape(title)
        figures.append(f"<figure><img src='{address}' alt='{title}'><figcaption>{title}</figcaption></figure>")
    return f"<section><h3>{html.escape(image.name)}</h3>{''.join(figures)}</section>"
