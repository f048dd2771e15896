#!/usr/bin/env python
"""Contour strengths of images by HED, for oversegment.py --contour_dir."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.contours import contours

    contours()


if __name__ == "__main__":
    run(main)
