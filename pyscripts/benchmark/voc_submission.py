#!/usr/bin/env python
"""Write masks in the form that the VOC evaluation server takes."""

from spml.commands.running import run
from spml.commands.voc_submission import voc_submission

if __name__ == "__main__":
    run(voc_submission)
