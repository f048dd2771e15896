"""The endless stream of training samples: one permutation an epoch, cut into full batches over all processes."""

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Sampler, get_worker_info

from spml.data.datasets import Batch, WeakLabelDataset, collate
from spml.errors import UserError


class StreamSampler(Sampler):
    """Batches of (index, position) for one process, from iteration `start` to `stop`.

    The permutations of all epochs follow each other without a gap, so every sample is used once an epoch, batches are
    always full, and an iteration's batch depends on nothing but its number.
    """

    def __init__(
        self, length: int, batch_size: int, start: int, stop: int, rank: int = 0, world_size: int = 1,
        shuffle: bool = True, seed: int = 0,
    ) -> None:  # fmt: skip
        self.length, self.batch_size, self.start, self.stop = length, batch_size, start, stop
        self.rank, self.world_size, self.shuffle, self.seed = rank, world_size, shuffle, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for iteration in range(self.start, self.stop):
            first = (iteration * self.world_size + self.rank) * self.batch_size
            yield [(self._index(p), p) for p in range(first, first + self.batch_size)]

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, self.length)
        if not self.shuffle:
            return place
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.length)
        return int(self._order[place])


def make_loader(
    dataset: WeakLabelDataset, sampler: StreamSampler, workers: int, pin_memory: bool = False
) -> DataLoader:
    """A DataLoader of Batches (or a UserError in a batch's place); workers: at most one a core is started."""
    workers = min(workers, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return DataLoader(
        dataset, batch_sampler=sampler, collate_fn=_collate_to_share, num_workers=workers, pin_memory=pin_memory,
        prefetch_factor=4 if workers else None, worker_init_fn=begin_worker,
    )  # fmt: skip


def read_batches(loader: DataLoader) -> Iterator[Batch]:
    """The batches of a loader; raises UserError where a sample is broken, or workers cannot be started."""
    try:
        if loader.num_workers:
            multiprocessing.Lock()  # asks for shared memory, where a loader that is half made would not go quietly
        batches = iter(loader)
    except OSError as error:
        raise _lack_of_memory(loader.num_workers, error) from None
    while True:
        try:
            batch = next(batches, None)
        except (ConnectionError, EOFError, FileNotFoundError) as error:  # a batch whose maker died handing it over
            if "in DataLoader worker" in str(error):  # of our own making
                raise
            raise _worker_ended(loader.num_workers, error) from None
        if batch is None:
            return
        if isinstance(batch, UserError):
            raise batch
        yield batch


@contextmanager
def worker_deaths(workers: int) -> Iterator[None]:
    """Turn what the death of a loader worker raises in the block, wherever that is, into a UserError."""
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker (pid" not in str(error):  # but "in DataLoader worker": of our own making
            raise
        reason = re.search(r"killed by signal: ([^.]*)|exited unexpectedly", str(error))
        raise _worker_ended(workers, reason[0] if reason else error) from None


def _worker_ended(workers: int, reason: object) -> UserError:
    """What is said of it, and once: torch's handler would raise on, wherever the process stands in its end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return UserError(
        f"num_threads is {workers}: a loader worker ended ({reason}), out of memory or of shared memory perhaps; set "
        "num_threads: 0, or give the container more (docker run --shm-size 1g)"
    )


def _collate_to_share(items: Sequence[Any]) -> Batch | UserError:
    """A Batch, of a worker in shared memory, or a UserError in its place."""
    batch, worker = collate(items), get_worker_info()
    if worker is None or isinstance(batch, UserError):
        return batch
    try:
        for column in vars(batch).values():
            if column is not None:
                column.share_memory_()
    except RuntimeError as error:  # raised later, while it is sent, it would leave the other side waiting for ever
        return _lack_of_memory(worker.num_workers, error)
    return batch


def _lack_of_memory(workers: int, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:150]
    return UserError(
        f"num_threads is {workers}: loader workers lack shared memory ({reason}); set num_threads: 0, or give the "
        "container more (docker run --shm-size 1g)"
    )


def begin_worker(_: int) -> None:
    """Leave to the process that trains what reaches a loader worker beside it: signals, and the end of a connection.

    Ctrl-C and SIGTERM reach a whole group of processes; the one that trains ends the iteration, and then these. Where
    it goes away in the midst of fetching a batch, a thread that is not ours would show a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: signal.signal(number, signal.SIG_DFL))
    sys.excepthook = _show_unless_disconnected


def _show_unless_disconnected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, (ConnectionError, EOFError)):
        sys.__excepthook__(kind, error, trace)
