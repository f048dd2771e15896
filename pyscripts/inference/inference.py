#!/usr/bin/env python
"""Segment by nearest prototypes."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.inference import inference

    inference()


if __name__ == "__main__":
    run(main)
