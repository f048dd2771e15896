"""How every script begins and ends: where its words go, what signals do, and one line that says what is wrong."""

import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from types import FrameType
from typing import IO, NoReturn

from spml.commands import ranks
from spml.commands.streams import forgiving_stderr, give_up, open_closed_streams
from spml.commands.unforeseen import traceback_file
from spml.data.paths import drop_partials
from spml.errors import Interrupted, UserError, printable
from spml.interrupts import Asked, handled_signals
from spml.launcher import check_launcher, num_ranks, this_rank

_LOST_PEER = re.compile("connection (closed|reset)|gloo|nccl|store", re.IGNORECASE)


class _Words(logging.Formatter):
    """Information as it is; a warning or an error behind its level's name."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        text = record.getMessage()
        return text if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {text}"


class _Console(logging.Handler):
    """Information on stdout, warnings and errors on stderr, looked up at each line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        stream = sys.stdout if record.levelno < logging.WARNING else sys.stderr
        with _no_bar(stream):
            print(printable(self.format(record)), file=stream, flush=True)


def _no_bar(stream: IO[str] | None) -> AbstractContextManager:
    """A context in which no progress bar stands in the line."""
    if "tqdm" not in sys.modules:
        return nullcontext()
    return sys.modules["tqdm"].tqdm.external_write_mode(file=stream)


def show_log() -> None:
    """Show what the package logs: information on stdout, warnings on stderr, of the first process alone."""
    logger = logging.getLogger("spml")
    if not any(isinstance(handler, _Console) for handler in logger.handlers):
        handler = _Console()
        handler.setFormatter(_Words())
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(logging.INFO if this_rank() == 0 else logging.ERROR)


def run(main: Callable[[], None]) -> None:
    """Call a script's main; whatever ends it early is an exit status and one line on stderr.

    UserErrors: 1. SIGINT and SIGTERM: 130 and 143, once the file at hand is written or dropped; at once at a second
    one. What nobody has foreseen: 1, and the line names a file with the traceback. A reader of stdout that goes away:
    141, without a line. Of several processes the one that fails first has the word; what breaks in the others for that
    reason is not said.
    """
    open_closed_streams()
    with forgiving_stderr(), handled_signals(_heed(Asked())):
        try:
            _check_place()
            show_log()
            ranks.end_with_launcher()
            main()
            sys.stdout.flush()
        except UserError as error:
            _fail(f"error: {error}")
        except KeyboardInterrupt as stop:
            if this_rank() == 0:
                print(str(stop) or _stopped(signal.SIGINT), file=sys.stderr, flush=True)
            sys.exit(128 + getattr(stop, "signal", signal.SIGINT))
        except BrokenPipeError:
            give_up(sys.stdout)
            sys.exit(141)
        except Exception as error:
            if _is_of_stdout(error):
                give_up(sys.stdout)
                _fail(f"error: standard output: cannot be written ({error})")
            if ranks.another_failed():
                sys.exit(1)
            _fail(f"error: {_unforeseen(error)}")


def _check_place() -> None:
    """Raise UserError where this process stands nowhere: not in a folder, nor among its launcher's processes."""
    try:
        os.getcwd()
    except OSError:
        raise UserError("the working directory: was deleted; change to a folder that is there") from None
    check_launcher()


def _heed(asked: Asked) -> Callable[[int, FrameType | None], None]:
    """What a signal does that asks to end: the first one ends the work in good order, the next one at once."""

    def heed(number: int, _: FrameType | None) -> None:
        """Note a signal; at the second one drop what is half written and end."""
        first = not asked.signal
        if asked.again(number):
            drop_partials()
            os._exit(128 + number)
        if first:
            raise Interrupted(number, _stopped(number))

    return heed


def _stopped(number: int) -> str:
    return f"stopped by {signal.Signals(number).name}; every file that was written is whole"


def _fail(line: str) -> NoReturn:
    """End with a line and status 1; of several processes the first to fail shows its own."""
    if _believed_ranks() == 1:
        sys.exit(line)
    if ranks.first_to_fail():
        # The bar of the first process may stand in the line.
        print("\n" * (this_rank() > 0) + line, file=sys.stderr, flush=True)
        ranks.has_said()
    sys.exit(1)


def _believed_ranks() -> int:
    """How many processes there are, one where the launcher's words make no sense."""
    with suppress(UserError):
        check_launcher()
        return num_ranks()
    return 1


def _is_of_stdout(error: Exception) -> bool:
    """Whether a script failed because its own words could not be written."""
    trace, last = error.__traceback__, None
    while trace is not None:
        last, trace = trace.tb_frame.f_code, trace.tb_next
    return isinstance(error, OSError) and last is not None and last.co_filename == __file__


def _unforeseen(error: Exception) -> str:
    """One line for what is a mistake of this program, or of another process of this run that is gone."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    if _believed_ranks() > 1 and isinstance(error, RuntimeError) and _LOST_PEER.search(str(error)):
        return f"one of the {num_ranks()} processes ended without a word, killed or out of memory perhaps ({what})"
    return f"unexpected {what}; the traceback for a report of this defect: {traceback_file(error)}"
