#!/usr/bin/env python
"""Pseudo labels from image tags: CAMs spread by a random walk, refined by a dense CRF."""

from spml.commands.pseudo import pseudo_camrw_crf
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_camrw_crf)
