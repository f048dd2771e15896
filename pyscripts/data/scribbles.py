#!/usr/bin/env python
"""ScribbleSup XML to scribbles of several lengths, and points."""

from spml.annotations.scribbles import main
from spml.cli import run

if __name__ == "__main__":
    run(main)
