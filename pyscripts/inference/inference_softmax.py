#!/usr/bin/env python
"""Segment by the classifier's soft-max."""

from spml.cli import run
from spml.inference.pipelines import inference_softmax

if __name__ == "__main__":
    run(inference_softmax)
