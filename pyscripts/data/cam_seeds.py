#!/usr/bin/env python
"""CAM files to seed labels, from tags alone or within boxes."""

from spml.annotations.cams import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
