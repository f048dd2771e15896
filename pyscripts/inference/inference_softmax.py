#!/usr/bin/env python
"""Segment by the classifier's soft-max."""

from spml.commands.inference import inference_softmax
from spml.commands.running import run

if __name__ == "__main__":
    run(inference_softmax)
