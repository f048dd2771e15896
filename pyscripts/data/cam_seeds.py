#!/usr/bin/env python
"""CAM files to seed labels, from tags alone or within boxes."""

from spml.commands.running import run
from spml.prepare.cam_seeds import cam_seeds

if __name__ == "__main__":
    run(cam_seeds)
