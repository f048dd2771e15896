#!/usr/bin/env python
"""Pseudo labels by self-training: soft-max within the classes of label and tags, refined by a dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_softmax_crf

    pseudo_softmax_crf()


if __name__ == "__main__":
    run(main)
