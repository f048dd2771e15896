#!/usr/bin/env python
"""DensePose-COCO JSON to part labels, points and person masks."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.densepose_masks import densepose_masks

    densepose_masks()


if __name__ == "__main__":
    run(main)
