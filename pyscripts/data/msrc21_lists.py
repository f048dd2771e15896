#!/usr/bin/env python
"""Tags, boxes and data lists of MSRC-21 where its images, masks and marks are there already."""

from spml.commands.running import run
from spml.prepare.msrc21_lists import msrc21_lists

if __name__ == "__main__":
    run(msrc21_lists)
