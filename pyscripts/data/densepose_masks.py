#!/usr/bin/env python
"""DensePose-COCO JSON to part labels, points and person masks."""

from spml.annotations.densepose_masks import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
