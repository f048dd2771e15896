"""Several processes of one script under torchrun: shares of the images, one bar, one error line, one end.

They see each other's counts in the store that torchrun's agent keeps; nothing here needs torch in a single process.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from spml.data.paths import drop_partials
from spml.launcher import num_ranks, this_rank

if TYPE_CHECKING:
    from torch.distributed import Store

Shared = TypeVar("Shared")

PATIENCE = timedelta(seconds=60)  # until the store answers
GLANCE = 0.1  # seconds between two looks at the store
WORD = 5.0  # seconds that another process gets to say its error
STUCK = 15.0  # seconds that this process gets to notice by itself that another one has failed


def end_with_launcher() -> None:
    """End this process soon after torchrun's agent, if one has started it; a killed agent cannot tell it to."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        threading.Thread(target=_end_when_left, args=(os.getppid(),), daemon=True).start()


def _end_when_left(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(GLANCE)
    drop_partials()
    os._exit(1)


@contextmanager
def watched_others() -> Iterator[None]:
    """In the block, end this process where it outlives another's failure, stuck in an exchange nobody answers any more.

    The watch ends with the block: the interpreter cannot end a thread that stands in the store, and aborts.
    """
    if num_ranks() == 1:
        yield
        return
    left = threading.Event()
    watch = threading.Thread(target=_end_when_stuck, args=(left,), daemon=True)
    watch.start()
    try:
        yield
    finally:
        left.set()
        watch.join(PATIENCE.total_seconds())


def _end_when_stuck(left: threading.Event) -> None:
    with suppress(Exception):  # the store ends with the launcher, which ends this process too
        while not _count("failed"):
            if left.wait(GLANCE * 10):
                return
        if not left.wait(STUCK):
            drop_partials()
            os._exit(1)


def share(samples: Sequence[Shared]) -> list[Shared]:
    """The samples that this process works on: every num_ranks-th, from this_rank on."""
    return list(samples[this_rank() :: num_ranks()])


@cache
def _store() -> "Store":
    from torch.distributed import PrefixStore, rendezvous

    store, _, _ = next(rendezvous("env://", timeout=PATIENCE))
    return PrefixStore("spml", store)


def _count(key: str, more: int = 0) -> int:
    return _store().add(key, more)


def _wait_for(key: str, count: int, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Wait until a count is reached; ends this process where another one failed."""
    while _count(key) < count:
        end_if_another_failed()
        meanwhile()
        time.sleep(GLANCE)


def end_if_another_failed() -> None:
    """End this process without a word where another one has failed, once that one has said why."""
    if _count("failed"):
        _wait_until_said()
        sys.exit(1)


def first_alone(function: Callable[[], None]) -> None:
    """Call a function in the first process, while the others wait for its end."""
    if num_ranks() == 1:
        function()
    elif this_rank() == 0:
        function()
        _count("first", 1)
    else:
        _wait_for("first", 1)


def first_to_fail() -> bool:
    """Whether this process is the one that says what went wrong; the others return once it is said."""
    first = True
    if num_ranks() > 1:
        with suppress(Exception):  # without the store each says its own
            first = _count("failed", 1) == 1
            if not first:
                _wait_until_said()
    return first


def has_said() -> None:
    """Let the other processes know that the one which failed first has said why."""
    if num_ranks() > 1:
        with suppress(Exception):
            _count("said", 1)


def another_failed() -> bool:
    """Whether another process has failed; waits a little for it to say so, since its end is often noticed before."""
    if num_ranks() == 1:
        return False
    with suppress(Exception):
        return _wait_until_said()
    return False


def _wait_until_said() -> bool:
    end = time.monotonic() + WORD
    while not _count("said"):
        if time.monotonic() > end:
            return False
        time.sleep(GLANCE)
    return True


class Progress:
    """Counts the images that all processes have done; the first one shows them in a bar.

    mine: how many of them this process does.
    """

    def __init__(self, mine: int, name: str) -> None:
        from tqdm import tqdm

        self._alone = num_ranks() == 1
        self._bar = tqdm(total=mine, unit="image", desc=name, disable=this_rank() != 0)
        if not self._alone:
            _count("images", mine)

    def update(self) -> None:
        """One more image is done; ends this process where another one has failed."""
        if self._alone:
            self._bar.update()
            return
        _count("done", 1)
        end_if_another_failed()
        self._show()

    def _show(self) -> None:
        if not self._bar.disable:
            self._bar.total = _count("images")
            self._bar.update(_count("done") - self._bar.n)

    def finish(self) -> None:
        """Wait until all processes have done their share, so that none reports success before."""
        if not self._alone:
            _count("finished", 1)
            _wait_for("finished", num_ranks(), self._show)
            self._show()
            # The first process may keep the store: it leaves last.
            _count("left", 1)
            if this_rank() == 0:
                _wait_for("left", num_ranks())
        self._bar.close()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
