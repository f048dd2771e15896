#!/usr/bin/env python
"""Score a folder of masks by mean intersection over union."""

from spml.commands.benchmark import benchmark_by_mIoU
from spml.commands.running import run

if __name__ == "__main__":
    run(benchmark_by_mIoU)
