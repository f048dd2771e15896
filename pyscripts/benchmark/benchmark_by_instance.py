#!/usr/bin/env python
"""Score a folder of masks by intersection over union weighted by instances."""

from spml.commands.benchmark import benchmark_by_instance
from spml.commands.running import run

if __name__ == "__main__":
    run(benchmark_by_instance)
