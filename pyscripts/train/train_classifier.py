#!/usr/bin/env python
"""Train the second stage's classifier on pseudo labels, the embedding frozen (VOC and data sets like it)."""

from functools import partial

from spml.commands.running import run
from spml.engine.trainer import main

if __name__ == "__main__":
    run(partial(main, "softmax_classifier"))
