#!/usr/bin/env python
"""The raw MSRC-21 to images, masks and every kind of weak label."""

from spml.commands.running import run
from spml.prepare.msrc21 import main

if __name__ == "__main__":
    run(main)
