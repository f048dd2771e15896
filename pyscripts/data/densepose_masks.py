#!/usr/bin/env python
"""DensePose-COCO JSON to part labels, points and person masks."""

from spml.commands.running import run
from spml.prepare.densepose_masks import main

if __name__ == "__main__":
    run(main)
