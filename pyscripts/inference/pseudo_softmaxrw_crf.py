#!/usr/bin/env python
"""Pseudo labels from boxes, scribbles or points: soft-max spread by a random walk, refined by a dense CRF."""

from spml.commands.pseudo import pseudo_softmaxrw_crf
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_softmaxrw_crf)
