#!/usr/bin/env python
"""Image tags from VOC XML or label maps."""

from spml.annotations.tags import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
