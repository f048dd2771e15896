#!/usr/bin/env python
"""Train the second stage's classifier on pseudo labels, the embedding frozen (VOC and data sets like it)."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.train import train_classifier

    train_classifier()


if __name__ == "__main__":
    run(main)
