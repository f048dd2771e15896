#!/usr/bin/env python
"""CAM files to seed labels, from tags alone or within boxes."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.prepare.cam_seeds import cam_seeds

    cam_seeds()


if __name__ == "__main__":
    run(main)
