#!/usr/bin/env python
"""Segment by nearest prototypes, refined by a dense CRF."""

from spml.commands.inference import inference_crf
from spml.commands.running import run

if __name__ == "__main__":
    run(inference_crf)
