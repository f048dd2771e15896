#!/usr/bin/env python
"""Contour strengths of images by HED, for oversegment.py --contour_dir."""

from spml.commands.running import run
from spml.prepare.contours import main

if __name__ == "__main__":
    run(main)
