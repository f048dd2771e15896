#!/usr/bin/env python
"""Segment by nearest prototypes."""

from spml.commands.inference import inference
from spml.commands.running import run

if __name__ == "__main__":
    run(inference)
