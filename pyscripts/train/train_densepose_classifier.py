#!/usr/bin/env python
"""Train the second stage's classifier on DensePose pseudo labels, the embedding frozen."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.train import train_densepose_classifier

    train_densepose_classifier()


if __name__ == "__main__":
    run(main)
