#!/usr/bin/env python
"""Image tags from VOC XML or label maps."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.image_tags import image_tags

    image_tags()


if __name__ == "__main__":
    run(main)
