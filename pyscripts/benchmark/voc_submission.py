#!/usr/bin/env python
"""Write masks in the form that the VOC evaluation server takes."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.voc_submission import voc_submission

    voc_submission()


if __name__ == "__main__":
    run(main)
