#!/usr/bin/env python
"""Prototypes of the segments of each image at three scales, labelled by the majority of their pixels."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.prototype import prototype_msc

    prototype_msc()


if __name__ == "__main__":
    run(main)
