#!/usr/bin/env python
"""Class activation maps of tagged images, in the file format of the published CAMs."""

from spml.commands.cam import cam
from spml.commands.running import run

if __name__ == "__main__":
    run(cam)
