#!/usr/bin/env python
"""Prototypes of the segments of each image, labelled by the majority of their pixels."""

from spml.commands.flags import run
from spml.commands.pipelines import prototype

if __name__ == "__main__":
    run(prototype)
