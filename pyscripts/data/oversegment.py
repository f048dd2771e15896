#!/usr/bin/env python
"""Over-segment images, or their contour strengths, into at most 255 regions each."""

from spml.annotations.oversegment import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
