#!/usr/bin/env python
"""Boxes and regions to seed labels, without a network."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.box_seeds import box_seeds

    box_seeds()


if __name__ == "__main__":
    run(main)
