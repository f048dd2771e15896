#!/usr/bin/env python
"""Image tags from VOC XML or label maps."""

from spml.commands.running import run
from spml.prepare.image_tags import image_tags

if __name__ == "__main__":
    run(image_tags)
