#!/usr/bin/env python
"""Segment by the classifier's soft-max."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.inference import inference_softmax

    inference_softmax()


if __name__ == "__main__":
    run(main)
