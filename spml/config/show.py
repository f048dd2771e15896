"""Values in messages: one line, never long, whatever a hostile YAML file holds."""

import reprlib
from typing import Any

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 3, 200, 200, 60
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 10


def show(value: Any) -> str:
    """A value as Python writes it, cut where it is long."""
    try:
        return _short.repr(value)
    except ValueError:  # Python writes no whole numbers of thousands of digits
        return "a number of thousands of digits"
