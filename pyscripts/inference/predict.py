#!/usr/bin/env python
"""Predict pictures; those that cannot be read are named, and make the run fail once the others are done."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.predict import predict

    predict()


if __name__ == "__main__":
    run(main)
