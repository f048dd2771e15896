#!/usr/bin/env python
"""Prototypes of the segments of each image at three scales, labelled by the majority of their pixels."""

from spml.cli import run
from spml.inference.pipelines import prototype_msc

if __name__ == "__main__":
    run(prototype_msc)
