#!/usr/bin/env python
"""ScribbleSup XML to scribbles of several lengths, and points."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.scribbles import scribbles

    scribbles()


if __name__ == "__main__":
    run(main)
