#!/usr/bin/env python
"""Class activation maps of tagged images, in the file format of the published CAMs."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.cam import cam

    cam()


if __name__ == "__main__":
    run(main)
