#!/usr/bin/env python
"""VOC colour masks and SBD .mat files to grey label maps."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.voc_masks import voc_masks

    voc_masks()


if __name__ == "__main__":
    run(main)
