#!/usr/bin/env python
"""Pseudo labels of the second round from image tags: soft-max at two scales spread by a random walk."""

from spml.commands.pseudo import pseudo_softmax
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_softmax)
