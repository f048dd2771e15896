#!/usr/bin/env python
"""Write a page that shows what a recipe made: pictures, scores of the classes, curves of the trainings."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.html_report import html_report

    html_report()


if __name__ == "__main__":
    run(main)
