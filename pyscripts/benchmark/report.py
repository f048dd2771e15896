#!/usr/bin/env python
"""Print the table that ends a recipe from the scores of its stages."""

from spml.commands.report import report
from spml.commands.running import run

if __name__ == "__main__":
    run(report)
