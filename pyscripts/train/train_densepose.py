#!/usr/bin/env python
"""Train the embedding on DensePose points: colour features, affinity space, mirrored left and right parts."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.train import train_densepose

    train_densepose()


if __name__ == "__main__":
    run(main)
