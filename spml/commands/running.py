"""How every script begins and ends: where its words go, and one line that says what is wrong."""

import logging
import os
import sys
from collections.abc import Callable

from spml.commands import ranks
from spml.errors import UserError


class _Words(logging.Formatter):
    """Information as it is; a warning or an error behind its level's name."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        return text if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {text}"


class _Console(logging.Handler):
    """Information on stdout, warnings and errors on stderr, looked up at each line."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stdout if record.levelno < logging.WARNING else sys.stderr
        print(self.format(record), file=stream, flush=True)


def show_log() -> None:
    """Show what the package logs: information on stdout, warnings on stderr, of the first process alone."""
    logger = logging.getLogger("spml")
    if not any(isinstance(handler, _Console) for handler in logger.handlers):
        handler = _Console()
        handler.setFormatter(_Words())
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.INFO if ranks.this_rank() == 0 else logging.ERROR)


def run(main: Callable[[], None]) -> None:
    """Call a script's main; a UserError becomes one line on stderr and exit status 1, Ctrl-C exit status 130.

    Of several processes the one that fails first has the word; what breaks in the others for that reason is not said.
    """
    show_log()
    try:
        main()
    except UserError as error:
        if ranks.first_to_fail():
            # The bar of the first process may stand in the line.
            print("\n" * (ranks.this_rank() > 0) + f"error: {error}", file=sys.stderr, flush=True)
            ranks.has_said()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception:
        if ranks.another_failed():
            sys.exit(1)
        ranks.has_said()  # by its traceback
        raise
