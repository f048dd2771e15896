"""Signals that ask a program to end, heeded where it suits the work."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM)
TOGETHER = 1.0  # seconds within which a signal may come twice for one request, from the terminal and a launcher

Handler = Callable[[int, Any], None]


class Asked:
    """What has asked the program to end so far; signal: the first one's number, 0: none."""

    def __init__(self) -> None:
        self.signal, self._since = 0, 0.0

    def again(self, number: int) -> bool:
        """Note a signal; whether it is the same one again, and meant so."""
        if not self.signal:
            self.signal, self._since = number, time.monotonic()
            return False
        return number == self.signal and time.monotonic() - self._since > TOGETHER


@contextmanager
def handled_signals(handler: Handler) -> Iterator[None]:
    """Call `handler` for SIGINT and SIGTERM within the block, but for those that the program was told to ignore.

    Nothing changes where this is not the main thread, which alone may handle signals.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in ENDING}
    for number, old in before.items():
        if old is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


@contextmanager
def deferred_signals() -> Iterator[Asked]:
    """Within the block a signal is noted, to be heeded when the work at hand is done; a second one is heeded now."""
    asked = Asked()
    before = {number: signal.getsignal(number) for number in ENDING}

    def note(number: int, frame: Any) -> None:
        """Note a signal; give the second one to what handled it before."""
        if asked.again(number):
            old = before[signal.Signals(number)]
            (old if callable(old) else signal.default_int_handler)(number, frame)

    with handled_signals(note):
        yield asked
