#!/usr/bin/env python
"""Label maps to LabelMe or COCO polygons, to be corrected and read again."""

from spml.commands.running import run
from spml.prepare.annotations.masks_to_annotations import masks_to_annotations

if __name__ == "__main__":
    run(masks_to_annotations)
