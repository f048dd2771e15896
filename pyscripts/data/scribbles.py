#!/usr/bin/env python
"""ScribbleSup XML to scribbles of several lengths, and points."""

from spml.commands.running import run
from spml.prepare.scribbles import scribbles

if __name__ == "__main__":
    run(scribbles)
