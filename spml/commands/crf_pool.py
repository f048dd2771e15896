"""What refines scores by the CRF and writes masks beside the network: processes, or where there is no CRF a thread."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any

from spml.commands.pool import make_executor, process_context
from spml.commands.shared_arrays import Parcel, pack, unpack
from spml.errors import UserError

Then = Callable[[Any], None] | None
Outcome = tuple[str | None, Any]  # what went wrong, or None, and a result

WAITING = 2  # images that wait for a process to be free, so that none is idle while the network runs


class CrfPool:
    """Runs calls in processes that never import torch; a few at a time, so that memory stays bounded.

    count: how many processes; 0 runs calls in a thread of this one. Calls are functions of torch-free modules. One that
    raises, or a process that dies, is a UserError in a later `submit` or in `finish`. on_done: called here after each
    call that ended well, unless `submit` names what is to be done with its result.
    """

    def __init__(self, count: int, on_done: Callable[[], None] = lambda: None) -> None:
        self.on_done = on_done
        self._most = count + WAITING
        self._shares = count > 0
        self._busy: dict[Future[Outcome], tuple[str, Then, Parcel]] = {}
        self._executor: Executor = make_executor(count, _context()) if count else ThreadPoolExecutor(1)
        # Starting waits for the processes' imports; meanwhile this one goes on to its own.
        self._starter = threading.Thread(target=_start, args=(self._executor, count))
        self._starter.start()

    def submit(self, name: str, function: Callable[..., Any], *args: Any, then: Then = None) -> None:
        """Run function(*args) in a process, waiting while too many are under way; `name` says what it works on.

        then: called here with the result.
        """
        while len(self._busy) >= self._most:
            self._collect()
        parcel = pack(args) if self._shares else Parcel(list(args))
        try:
            self._busy[self._executor.submit(attempt, function, *parcel.arguments)] = name, then, parcel
        except BrokenProcessPool:
            parcel.close()
            raise _death(name) from None

    def finish(self) -> None:
        """Wait until all calls have ended."""
        while self._busy:
            self._collect()

    def _collect(self) -> None:
        for future in wait(self._busy, return_when=FIRST_COMPLETED).done:
            name, then, parcel = self._busy.pop(future)
            parcel.close()
            try:
                outcome = future.result()
            except BrokenProcessPool:
                raise _death(name) from None
            self._take(name, then, outcome)

    def _take(self, name: str, then: Then, outcome: Outcome) -> None:
        failure, result = outcome
        if failure is not None:
            raise UserError(f"{name}: {failure}")
        if then is None:
            self.on_done()
        else:
            then(result)

    def __enter__(self) -> "CrfPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._starter.join()
        # Each ends the call it is at, so that no file is left half-written.
        self._executor.shutdown(wait=True, cancel_futures=True)
        for _, _, parcel in self._busy.values():
            parcel.close()


def _start(executor: Executor, count: int) -> None:
    with suppress(BrokenProcessPool, RuntimeError, OSError):  # `submit` says it again
        for _ in range(count):
            executor.submit(os.getpid)


def _context() -> BaseContext:
    """New processes as they are everywhere, begun from one that has imported what the CRF needs."""
    context = process_context()
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["spml.commands.job", "pydensecrf.densecrf"])
    return context


def _death(name: str) -> UserError:
    return UserError(
        f"{name}, or one worked on beside it: a CRF process ended unexpectedly, out of memory perhaps; "
        "try fewer --workers"
    )


def attempt(function: Callable[..., Any], *args: Any) -> Outcome:
    """Call function(*args), shared arrays mapped; None and its result, or what went wrong in one line."""
    try:
        return None, function(*unpack(args))
    except UserError as error:
        return str(error), None
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split()), None
