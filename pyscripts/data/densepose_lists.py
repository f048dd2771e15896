#!/usr/bin/env python
"""DensePose data lists from the annotation files."""

from spml.commands.running import run
from spml.prepare.densepose_lists import densepose_lists

if __name__ == "__main__":
    run(densepose_lists)
