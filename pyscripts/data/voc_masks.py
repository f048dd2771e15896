#!/usr/bin/env python
"""VOC colour masks and SBD .mat files to grey label maps."""

from spml.commands.running import run
from spml.prepare.voc_masks import voc_masks

if __name__ == "__main__":
    run(voc_masks)
