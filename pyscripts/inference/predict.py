#!/usr/bin/env python
"""Predict pictures; those that cannot be read are named, and make the run fail once the others are done."""

from spml.commands.predict import predict
from spml.commands.running import run

if __name__ == "__main__":
    run(predict)
