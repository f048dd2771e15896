#!/usr/bin/env python
"""Train a tag classifier, the source of class activation maps (pyscripts/inference/cam.py)."""

from functools import partial

from spml.commands.running import run
from spml.engine.trainer import main

if __name__ == "__main__":
    run(partial(main, "cam"))
