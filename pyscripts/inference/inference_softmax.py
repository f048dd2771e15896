#!/usr/bin/env python
"""Segment by the classifier's soft-max."""

from spml.commands.flags import run
from spml.commands.pipelines import inference_softmax

if __name__ == "__main__":
    run(inference_softmax)
