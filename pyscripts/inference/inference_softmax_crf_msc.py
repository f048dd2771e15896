#!/usr/bin/env python
"""Segment by the classifier's soft-max over five scales with flips, refined by a dense CRF."""

from spml.commands.inference import inference_softmax_crf_msc
from spml.commands.running import run

if __name__ == "__main__":
    run(inference_softmax_crf_msc)
