#!/usr/bin/env python
"""Segment by nearest prototypes over five scales with flips, refined by a dense CRF."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.inference import inference_crf_msc

    inference_crf_msc()


if __name__ == "__main__":
    run(main)
