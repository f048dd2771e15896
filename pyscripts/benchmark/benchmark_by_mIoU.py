#!/usr/bin/env python
"""Score a folder of masks by mean intersection over union."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.benchmark import benchmark_by_mIoU

    benchmark_by_mIoU()


if __name__ == "__main__":
    run(main)
