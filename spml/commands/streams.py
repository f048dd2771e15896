"""Standard streams that are closed, full, or read by nobody any more."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def open_closed_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr empty ones; no file shall take their numbers."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            _to_nowhere(number)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False, encoding="utf-8"))


def _to_nowhere(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def give_up(stream: Any) -> None:
    """Let what is still to be written to a stream that refuses it go nowhere."""
    with suppress(OSError, ValueError):  # a stream of a test has no number
        _to_nowhere(stream.fileno())


@contextmanager
def forgiving_stderr() -> Iterator[None]:
    """Within the block a stderr that cannot be written, by a bar or a warning, hinders no work."""
    before = sys.stderr
    sys.stderr = _Forgiving(before)
    try:
        yield
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        sys.stderr = before


class _Forgiving:
    """A stream whose writes never fail."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as the stream does; where nobody reads any more, nothing."""
        try:
            return self._stream.write(text)
        except OSError:
            give_up(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush as the stream does; where nobody reads any more, nothing."""
        try:
            self._stream.flush()
        except OSError:
            give_up(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
