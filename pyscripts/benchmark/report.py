#!/usr/bin/env python
"""Print the table that ends a recipe from the scores of its stages."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.report import report

    report()


if __name__ == "__main__":
    run(main)
