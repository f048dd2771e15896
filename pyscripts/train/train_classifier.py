#!/usr/bin/env python
"""Train the second stage's classifier on pseudo labels, the embedding frozen (VOC and data sets like it)."""

from spml.commands.running import run
from spml.commands.train import train_classifier

if __name__ == "__main__":
    run(train_classifier)
