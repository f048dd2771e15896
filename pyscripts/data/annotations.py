#!/usr/bin/env python
"""Annotations as people have them to label maps, boxes, tags, lists, and a page to check them by."""

from spml.commands.running import run
from spml.prepare.annotations.annotations import annotations

if __name__ == "__main__":
    run(annotations)
