#!/usr/bin/env python
"""Lists of one's own photographs: which train, which need seeds, which are for validation."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.own_lists import own_lists

    own_lists()


if __name__ == "__main__":
    run(main)
