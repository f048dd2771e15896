"""One way to run a function over many files in several processes, with a progress bar."""

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from threading import Thread
from typing import TypeVar

from tqdm import tqdm

from spml.data.paths import drop_partials
from spml.errors import UserError

logger = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
LARGEST_CHUNK = 4  # items that a process ends before it heeds an error or Ctrl-C


def default_workers() -> int:
    """The number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_context() -> BaseContext:
    """Forkserver where the system has it, spawn elsewhere: a fork would copy the locks of this process's threads."""
    return get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")


def start_worker() -> None:
    """What a worker process does first: it leaves Ctrl-C to its parent, and ends when that is gone.

    At SIGTERM, which its parent sends where another worker has died, it drops the file that it writes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _drop_and_end())
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        _drop_and_end()


def _drop_and_end() -> None:
    drop_partials()
    os._exit(1)


def map_files(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int | None = None, desc: str | None = None
) -> Iterator[_Result]:
    """Yield `function(item)` for each item, in order, under a progress bar `desc` (None: no bar).

    workers: processes (0: this one; None: one a core); function, items and results must be picklable. Raises what the
    function raises, UserErrors as they are, and UserError where a worker dies.
    """
    items = list(items)
    workers = min(default_workers() if workers is None else workers, len(items))
    results = map(function, items) if workers < 2 else _map_in_processes(function, items, workers)
    silent = desc is None or not logger.isEnabledFor(logging.INFO)  # a bar is information, and goes where that goes
    yield from tqdm(results, total=len(items), desc=desc, disable=silent)


def make_executor(workers: int, context: BaseContext) -> ProcessPoolExecutor:
    """So many processes that begin with `start_worker`; raises UserError where the system does not give them."""
    try:
        return ProcessPoolExecutor(workers, context, start_worker)
    except OSError as error:  # no shared memory, where their semaphores lie
        raise UserError(
            f"--workers {workers}: processes cannot be started ({error}); use --workers 0, or give the container "
            "shared memory (docker run --shm-size 1g)"
        ) from None


def _map_in_processes(function: Callable[[_Item], _Result], items: list[_Item], workers: int) -> Iterator[_Result]:
    chunk = max(1, min(LARGEST_CHUNK, len(items) // (4 * workers)))
    try:
        with make_executor(workers, process_context()) as pool:
            yield from pool.map(function, items, chunksize=chunk)
    except BrokenProcessPool:
        raise UserError("a worker process ended unexpectedly, out of memory perhaps; try fewer --workers") from None
