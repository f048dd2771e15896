#!/usr/bin/env python
"""Pseudo labels from image tags: CAMs spread by a random walk, refined by a dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_camrw_crf

    pseudo_camrw_crf()


if __name__ == "__main__":
    run(main)
