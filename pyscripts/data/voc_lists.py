#!/usr/bin/env python
"""VOC data lists from the split files of VOC 2012 and SBD."""

from spml.annotations.voc_lists import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
