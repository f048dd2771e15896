#!/usr/bin/env python
"""Lay images, labels and masks of several stages beside each other in one picture."""

from spml.commands.contact_sheet import contact_sheet
from spml.commands.running import run

if __name__ == "__main__":
    run(contact_sheet)
