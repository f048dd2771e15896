#!/usr/bin/env python
"""Tags, boxes and data lists of MSRC-21 where its images, masks and marks are there already."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.msrc21_lists import msrc21_lists

    msrc21_lists()


if __name__ == "__main__":
    run(main)
