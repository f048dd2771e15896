#!/usr/bin/env python
"""The raw MSRC-21 to images, masks and every kind of weak label."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.msrc21 import msrc21

    msrc21()


if __name__ == "__main__":
    run(main)
