"""Command-line flags and the way every script ends: done, or one line that says what is wrong."""

import os
import sys

from spml.errors import UserError


def run(main):
    """Call a script's main; a UserError becomes one line on stderr and exit status 1, Ctrl-C exit status 130."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
