#!/usr/bin/env python
"""Image tags from VOC XML or label maps."""

from spml.commands.running import run
from spml.prepare.image_tags import main

if __name__ == "__main__":
    run(main)
