#!/usr/bin/env python
"""Pseudo labels by nearest prototypes over four scales with flips, refined by a dense CRF."""

from spml.commands.pseudo import pseudo_inference_crf_msc
from spml.commands.running import run

if __name__ == "__main__":
    run(pseudo_inference_crf_msc)
