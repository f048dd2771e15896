"""How a fork of the tests' process with torch loaded ends, as Python itself would."""

import contextlib
import os
import sys
import traceback


def end_with(function):
    """Call a function and end this process, with the status and the words that a script of it would have."""
    status = 1
    try:
        function()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(status)
