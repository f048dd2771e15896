"""Tracebacks of what nobody has foreseen, kept in a file."""

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from spml import __version__


def traceback_file(error: Exception) -> str:
    """Write an exception's traceback, and what ran, to a file of the temporary folder; returns its path.

    Where that cannot be written it goes to stderr, and the text says so.
    """
    text = "".join(traceback.format_exception(error))
    about = f"spml {__version__}, Python {platform.python_version()}, {platform.platform()}\n{sys.argv}\n\n"
    try:
        handle, path = tempfile.mkstemp(".log", f"spml-{Path(sys.argv[0]).stem[:40]}-")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(about + text)
        return path
    except OSError:
        sys.stderr.write(text)
        return "above"
