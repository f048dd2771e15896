#!/usr/bin/env python
"""Make a small procedural data set with truth and every kind of weak label."""

from spml.commands.running import run
from spml.prepare.toy.make_toy import make_toy

if __name__ == "__main__":
    run(make_toy)
