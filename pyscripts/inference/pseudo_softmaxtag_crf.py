#!/usr/bin/env python
"""Pseudo labels from tags, boxes and regions: soft-max within them, averaged over regions, dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_softmaxtag_crf

    pseudo_softmaxtag_crf()


if __name__ == "__main__":
    run(main)
