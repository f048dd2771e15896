"""The page that shows all predictions of a run."""

import html
import os
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

from spml.commands.pictures import LeftOut
from spml.commands.prediction_files import Shown

PAGE_STYLE = (
    "body{font:14px sans-serif;margin:2em}figure{display:inline-block;margin:4px;vertical-align:top}"
    "figcaption{font-size:12px;color:#555}section{border-top:1px solid #ddd;padding:.5em 0}h2{font-size:15px}"
    "i{display:inline-block;width:.9em;height:.9em;margin:0 .3em 0 1em;border:1px solid #888}"
)
EXPLANATION = (
    "Uncertainty: the entropy of the class scores, white where all classes are equally likely. Disagreement, where "
    "there are prototypes: the share of the nearest ones that are of another class, white where all are."
)


def prediction_page(
    shown: Sequence[Shown], left_out: Sequence[LeftOut], names: Sequence[str], palette: np.ndarray
) -> str:
    """The page as HTML; names and palette: of the classes."""
    used = sorted({number for each in shown for number, _ in each.classes})
    parts = ["<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>Predictions</title>"]
    parts.append(f"<style>{PAGE_STYLE}</style><h1>Predictions</h1><p>{len(shown)} pictures.</p>")
    parts.append(f"<p>{''.join(_swatch(names[number], palette[number]) for number in used)}</p><p>{EXPLANATION}</p>")
    if left_out:
        items = "".join(f"<li>{html.escape(each.reason)}</li>" for each in left_out)
        parts.append(f"<h2>Left out</h2><ul>{items}</ul>")
    parts += [_section(each, names) for each in shown]
    return "\n".join(parts) + "</html>\n"


def _swatch(name: str, colour: np.ndarray) -> str:
    red, green, blue = colour.tolist()
    return f"<i style='background:rgb({red},{green},{blue})'></i>{html.escape(name)}"


def _section(each: Shown, names: Sequence[str]) -> str:
    shares = ", ".join(f"{html.escape(names[number])} {100 * share:.1f} %" for number, share in each.classes)
    height, width = each.size
    figures = "".join(
        f"<figure><a href='{quote(os.fsencode(file))}'><img src='{address}' alt='{title}'></a>"
        f"<figcaption>{title}</figcaption></figure>"
        for title, address, file in each.pictures
    )
    about = f"{width} × {height}; {shares}; mean uncertainty {each.unsure:.2f}"
    return f"<section><h2>{html.escape(each.name)}</h2><p>{about}</p>{figures}</section>"
