#!/usr/bin/env python
"""Score a folder of masks by intersection over union weighted by instances."""

from spml.cli import run
from spml.evaluation.benchmark import main_instance

if __name__ == "__main__":
    run(main_instance)
