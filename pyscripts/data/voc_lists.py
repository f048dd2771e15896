#!/usr/bin/env python
"""VOC data lists from the split files of VOC 2012 and SBD."""

from spml.commands.running import run
from spml.prepare.voc_lists import main

if __name__ == "__main__":
    run(main)
