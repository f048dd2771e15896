#!/usr/bin/env python
"""Make a small procedural data set with truth and every kind of weak label."""

from spml.cli import run
from spml.toy.dataset import main

if __name__ == "__main__":
    run(main)
