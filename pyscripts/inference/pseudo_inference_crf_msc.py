#!/usr/bin/env python
"""Pseudo labels by nearest prototypes over four scales with flips, refined by a dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.pseudo import pseudo_inference_crf_msc

    pseudo_inference_crf_msc()


if __name__ == "__main__":
    run(main)
