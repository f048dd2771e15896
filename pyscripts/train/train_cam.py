#!/usr/bin/env python
"""Train a tag classifier, the source of class activation maps (pyscripts/inference/cam.py)."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.train import train_cam

    train_cam()


if __name__ == "__main__":
    run(main)
