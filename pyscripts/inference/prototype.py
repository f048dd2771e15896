#!/usr/bin/env python
"""Prototypes of the segments of each image, labelled by the majority of their pixels."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.prototype import prototype

    prototype()


if __name__ == "__main__":
    run(main)
