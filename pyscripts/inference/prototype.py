#!/usr/bin/env python
"""Prototypes of the segments of each image, labelled by the majority of their pixels."""

from spml.cli import run
from spml.inference.pipelines import prototype

if __name__ == "__main__":
    run(prototype)
