#!/usr/bin/env python
"""Lay images, labels and masks of several stages beside each other in one picture."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.contact_sheet import contact_sheet

    contact_sheet()


if __name__ == "__main__":
    run(main)
