#!/usr/bin/env python
"""Train the second stage's classifier on DensePose pseudo labels, the embedding frozen."""

from spml.commands.running import run
from spml.commands.train import train_densepose_classifier

if __name__ == "__main__":
    run(train_densepose_classifier)
