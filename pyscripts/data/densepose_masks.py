#!/usr/bin/env python
"""DensePose-COCO JSON to part labels, points and person masks."""

from spml.commands.running import run
from spml.prepare.densepose_masks import densepose_masks

if __name__ == "__main__":
    run(densepose_masks)
