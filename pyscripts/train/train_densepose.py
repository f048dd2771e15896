#!/usr/bin/env python
"""Train the embedding on DensePose points: colour features, affinity space, mirrored left and right parts."""

from functools import partial

from spml.commands.running import run
from spml.engine.trainer import main

if __name__ == "__main__":
    run(partial(main, "segsort", "densepose"))
