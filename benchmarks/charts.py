"""Curves as SVG text, both axes logarithmic, one panel beside the other."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 300, 220, 48
COLOURS = {"plain": "#b0503c", "ours": "#2f6f9f"}


@dataclass(frozen=True)
class Panel:
    """A title, the names of the axes, and the points (x, y) of each named curve."""

    title: str
    x: str
    y: str
    curves: Mapping[str, Sequence[tuple[float, float]]]


def draw(panels: Sequence[Panel], columns: int = 4) -> str:
    """All panels in one picture, row by row."""
    rows = -(-len(panels) // columns)
    size = f'width="{columns * WIDTH}" height="{rows * HEIGHT}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">']
    parts.append('<rect width="100%" height="100%" fill="white"/>')
    for i, panel in enumerate(panels):
        parts.append(f'<g transform="translate({i % columns * WIDTH},{i // columns * HEIGHT})">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel) -> str:
    points = [point for curve in panel.curves.values() for point in curve]
    x_scale, y_scale = _scale([x for x, _ in points]), _scale([y for _, y in points])
    inner_width, inner_height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN

    def at(x: float, y: float) -> tuple[float, float]:
        return MARGIN + inner_width * x_scale(x), HEIGHT - MARGIN - inner_height * y_scale(y)

    parts = [f'<text x="{WIDTH / 2}" y="16" text-anchor="middle" font-weight="bold">{html.escape(panel.title)}</text>']
    parts.append(f'<rect x="{MARGIN}" y="{MARGIN}" width="{inner_width}" height="{inner_height}" fill="none" ')
    parts.append('stroke="#999"/>')
    middle = MARGIN + inner_width / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">{html.escape(panel.x)}</text>')
    parts.append(f'<text x="{MARGIN}" y="{MARGIN - 8}">{html.escape(panel.y)}</text>')
    for i, (name, curve) in enumerate(panel.curves.items()):
        colour = COLOURS.get(name, "#555")
        placed = [at(x, y) for x, y in curve]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (_, value) in zip(placed, curve, strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{value:.4g}</title></circle>')
        parts.append(f'<text x="{MARGIN + 8}" y="{MARGIN + 16 + 14 * i}" fill="{colour}">{html.escape(name)}</text>')
    low, high = (edge([x for x, _ in points]) for edge in (min, max))
    parts.append(f'<text x="{MARGIN}" y="{HEIGHT - MARGIN + 14}" text-anchor="middle">{low:.4g}</text>')
    parts.append(f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - MARGIN + 14}" text-anchor="middle">{high:.4g}</text>')
    low, high = (edge([y for _, y in points]) for edge in (min, max))
    parts.append(f'<text x="{MARGIN - 4}" y="{HEIGHT - MARGIN}" text-anchor="end">{low:.3g}</text>')
    parts.append(f'<text x="{MARGIN - 4}" y="{MARGIN + 10}" text-anchor="end">{high:.3g}</text>')
    return "".join(parts)


def _scale(values: Sequence[float]):
    """A function from a value to 0..1, in logarithms, from the smallest to the largest."""
    logs = [math.log(max(value, 1e-9)) for value in values]
    low, span = min(logs), (max(logs) - min(logs)) or 1.0
    return lambda value: (math.log(max(value, 1e-9)) - low) / span
