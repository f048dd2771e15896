#!/usr/bin/env python
"""Write a page that shows what a recipe made: pictures, scores of the classes, curves of the trainings."""

from spml.commands.html_report import html_report
from spml.commands.running import run

if __name__ == "__main__":
    run(html_report)
