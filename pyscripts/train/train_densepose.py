#!/usr/bin/env python
"""Train the embedding on DensePose points: colour features, affinity space, mirrored left and right parts."""

from spml.commands.running import run
from spml.commands.train import train_densepose

if __name__ == "__main__":
    run(train_densepose)
