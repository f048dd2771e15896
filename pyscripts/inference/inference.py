#!/usr/bin/env python
"""Segment by nearest prototypes."""

from spml.commands.flags import run
from spml.commands.pipelines import inference

if __name__ == "__main__":
    run(inference)
