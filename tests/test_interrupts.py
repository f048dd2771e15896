"""Signals that ask to end: noted, heeded, and when the second one counts."""

import os
import signal
import threading

import pytest

from spml import interrupts
from spml.interrupts import deferred_signals, handled_signals


@pytest.fixture(autouse=True)
def heeding():
    """Control-C is heeded, though a shell's background jobs begin without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_deferred_signal_is_noted_and_handlers_return(number):
    before = signal.getsignal(number)
    with deferred_signals() as asked:
        assert asked.signal == 0
        send(number)
        send(number)  # at once, as a terminal and a launcher send it
        assert asked.signal == number
    assert signal.getsignal(number) == before


def test_a_second_signal_that_is_meant_is_heeded_at_once(monkeypatch):
    monkeypatch.setattr(interrupts, "TOGETHER", -1.0)
    with pytest.raises(KeyboardInterrupt), deferred_signals() as asked:
        send(signal.SIGINT)
        send(signal.SIGTERM)  # another one asks for nothing new
        assert asked.signal == signal.SIGINT
        send(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred_signals() as asked:
            send(signal.SIGINT)
            assert asked.signal == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    before, found = signal.getsignal(signal.SIGINT), []

    def work():
        with handled_signals(lambda *_: None), deferred_signals():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]
