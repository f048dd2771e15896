#!/usr/bin/env python
"""Pseudo labels from labels and regions: soft-max averaged over regions, labels kept, refined by a dense CRF."""

from spml.commands.pseudo import pseudo_softmaxregion_crf
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_softmaxregion_crf)
