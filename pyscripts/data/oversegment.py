#!/usr/bin/env python
"""Over-segment images, or their contour strengths, into at most 255 regions each."""

from spml.commands.running import run
from spml.prepare.oversegment import oversegment

if __name__ == "__main__":
    run(oversegment)
