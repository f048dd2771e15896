#!/usr/bin/env python
"""DensePose data lists from the annotation files."""

from spml.annotations.densepose_lists import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
