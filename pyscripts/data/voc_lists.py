#!/usr/bin/env python
"""VOC data lists from the split files of VOC 2012 and SBD."""

from spml.commands.running import run
from spml.prepare.voc_lists import voc_lists

if __name__ == "__main__":
    run(voc_lists)
