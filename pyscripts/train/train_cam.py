#!/usr/bin/env python
"""Train a tag classifier, the source of class activation maps (pyscripts/inference/cam.py)."""

from spml.commands.running import run
from spml.commands.train import train_cam

if __name__ == "__main__":
    run(train_cam)
