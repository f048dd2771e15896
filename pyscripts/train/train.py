#!/usr/bin/env python
"""Train the embedding on weak labels by pixel-to-segment contrast (VOC and data sets like it)."""

from functools import partial

from spml.commands.running import run
from spml.engine.trainer import main

if __name__ == "__main__":
    run(partial(main, "segsort"))
