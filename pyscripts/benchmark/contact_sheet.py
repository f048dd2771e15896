#!/usr/bin/env python
"""Lay images, labels and masks of several stages beside each other in one picture."""

from spml.cli import run
from spml.evaluation.sheet import main

if __name__ == "__main__":
    run(main)
