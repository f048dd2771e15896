#!/usr/bin/env python
"""Pseudo labels from points: nearest labelled segments spread by a random walk, refined by a dense CRF."""

from spml.commands.pseudo import pseudo_denseposerw_crf
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_denseposerw_crf)
