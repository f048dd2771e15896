#!/usr/bin/env python
"""DensePose data lists from the annotation files."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.densepose_lists import densepose_lists

    densepose_lists()


if __name__ == "__main__":
    run(main)
