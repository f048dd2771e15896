#!/usr/bin/env python
"""Prototypes of the segments of each image, labelled by the majority of their pixels."""

from spml.commands.prototype import prototype
from spml.commands.running import run

if __name__ == "__main__":
    run(prototype)
