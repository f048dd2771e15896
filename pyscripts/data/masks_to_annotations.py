#!/usr/bin/env python
"""Label maps to LabelMe or COCO polygons, to be corrected and read again."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.annotations.masks_to_annotations import masks_to_annotations

    masks_to_annotations()


if __name__ == "__main__":
    run(main)
