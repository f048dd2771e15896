#!/usr/bin/env python
"""Segment by nearest prototypes, refined by a dense CRF."""

from spml.commands.flags import run
from spml.commands.pipelines import inference_crf

if __name__ == "__main__":
    run(inference_crf)
