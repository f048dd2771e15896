#!/usr/bin/env python
"""Segment by nearest prototypes."""

from spml.cli import run
from spml.inference.pipelines import inference

if __name__ == "__main__":
    run(inference)
