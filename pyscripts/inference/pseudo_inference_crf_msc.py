#!/usr/bin/env python
"""Pseudo labels by nearest prototypes over four scales with flips, refined by a dense CRF."""

from spml.commands.flags import run
from spml.commands.pipelines import pseudo_inference_crf_msc

if __name__ == "__main__":
    run(pseudo_inference_crf_msc)
