#!/usr/bin/env python
"""Lists of one's own photographs: which train, which need seeds, which are for validation."""

from spml.commands.running import run
from spml.prepare.own_lists import own_lists

if __name__ == "__main__":
    run(own_lists)
