#!/usr/bin/env python
"""Pseudo labels from boxes, scribbles or points: soft-max spread by a random walk, refined by a dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_softmaxrw_crf

    pseudo_softmaxrw_crf()


if __name__ == "__main__":
    run(main)
