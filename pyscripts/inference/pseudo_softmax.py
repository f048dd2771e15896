#!/usr/bin/env python
"""Pseudo labels of the second round from image tags: soft-max at two scales spread by a random walk."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_softmax

    pseudo_softmax()


if __name__ == "__main__":
    run(main)
