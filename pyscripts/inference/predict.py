#!/usr/bin/env python
"""Masks, overlays, uncertainty and polygons of one's own pictures."""

from spml.commands.predict import predict
from spml.commands.running import run

if __name__ == "__main__":
    run(predict)
