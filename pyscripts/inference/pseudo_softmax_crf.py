#!/usr/bin/env python
"""Pseudo labels by self-training: soft-max within the classes of the weak label, refined by a dense CRF."""

from spml.commands.pseudo import pseudo_softmax_crf
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_softmax_crf)
