#!/usr/bin/env python
"""Annotations as people have them to label maps, boxes, tags, lists, and a page to check them by."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.annotations.annotations import annotations

    annotations()


if __name__ == "__main__":
    run(main)
