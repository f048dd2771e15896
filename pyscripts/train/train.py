#!/usr/bin/env python
"""Train the embedding on weak labels by pixel-to-segment contrast (VOC and data sets like it)."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.train import train_embedding

    train_embedding()


if __name__ == "__main__":
    run(main)
