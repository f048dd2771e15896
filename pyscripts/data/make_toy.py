#!/usr/bin/env python
"""Make a small procedural data set with truth and every kind of weak label."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.toy.make_toy import make_toy

    make_toy()


if __name__ == "__main__":
    run(main)
