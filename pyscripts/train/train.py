#!/usr/bin/env python
"""Train the embedding on weak labels by pixel-to-segment contrast (VOC and data sets like it)."""

from spml.commands.running import run
from spml.commands.train import train_embedding

if __name__ == "__main__":
    run(train_embedding)
