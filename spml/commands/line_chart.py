"""A curve as a drawing that a page can hold."""

import html
import math

from spml.commands.event_files import Curve

WIDTH, HEIGHT, EDGE = 280, 150, 24
MOST_POINTS = 300


def line_chart(title: str, curve: Curve) -> str:
    """An SVG element: the curve, its least and greatest value, its last iteration, and its last value in the title.

    Values that are not finite are left out.
    """
    points = [(step, value) for step, value in curve if math.isfinite(value)]
    if not points:
        return f"<figure><figcaption>{html.escape(title)}: no finite value</figcaption></figure>"
    low, high = min(value for _, value in points), max(value for _, value in points)
    first, last = min(step for step, _ in points), max(step for step, _ in points)
    across = (WIDTH - 2 * EDGE) / max(1, last - first)
    up = (HEIGHT - 2 * EDGE) / (high - low or 1.0)
    places = " ".join(
        f"{EDGE + (step - first) * across:.1f},{HEIGHT - EDGE - (value - low) * up:.1f}" for step, value in _few(points)
    )
    words = [(2, EDGE - 6, f"{high:.3g}"), (2, HEIGHT - EDGE + 14, f"{low:.3g}")]
    words.append((WIDTH - EDGE - 30, HEIGHT - EDGE + 14, str(last)))
    texts = "".join(f"<text x='{x}' y='{y}'>{text}</text>" for x, y, text in words)
    caption = f"{html.escape(title)}: {points[-1][1]:.4g}"
    return (
        f"<figure><svg width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>"
        f"<rect x='{EDGE}' y='{EDGE}' width='{WIDTH - 2 * EDGE}' height='{HEIGHT - 2 * EDGE}'/>"
        f"<polyline points='{places}'/>{texts}</svg><figcaption>{caption}</figcaption></figure>"
    )


def _few(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most some 300 of the points, evenly taken, the last one among them."""
    step = -(-len(points) // MOST_POINTS)
    return points[::-1][::step][::-1]
