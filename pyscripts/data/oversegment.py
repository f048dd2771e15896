#!/usr/bin/env python
"""Over-segment images, or their contour strengths, into at most 255 regions each."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.oversegment import oversegment

    oversegment()


if __name__ == "__main__":
    run(main)
