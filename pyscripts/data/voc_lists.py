#!/usr/bin/env python
"""VOC data lists from the split files of VOC 2012 and SBD."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.voc_lists import voc_lists

    voc_lists()


if __name__ == "__main__":
    run(main)
