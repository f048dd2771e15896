#!/usr/bin/env python
"""Pseudo labels from labels and regions: soft-max averaged over regions, labels kept, refined by a dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_softmaxregion_crf

    pseudo_softmaxregion_crf()


if __name__ == "__main__":
    run(main)
