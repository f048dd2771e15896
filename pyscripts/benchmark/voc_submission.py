#!/usr/bin/env python
"""Write masks in the form that the VOC evaluation server takes."""

from spml.cli import run
from spml.evaluation.submission import main

if __name__ == "__main__":
    run(main)
