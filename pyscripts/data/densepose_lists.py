#!/usr/bin/env python
"""DensePose data lists from the annotation files."""

from spml.commands.running import run
from spml.prepare.densepose_lists import main

if __name__ == "__main__":
    run(main)
