#!/usr/bin/env python
"""Score a folder of masks by mean intersection over union."""

from spml.cli import run
from spml.evaluation.benchmark import main_miou

if __name__ == "__main__":
    run(main_miou)
