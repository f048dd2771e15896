#!/usr/bin/env python
"""VOC colour masks and SBD .mat files to grey label maps."""

from spml.annotations.masks import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
