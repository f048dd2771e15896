"""The endless stream of training samples: one permutation an epoch, cut into full batches over all processes."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import DataLoader, Sampler

from spml.data.datasets import WeakLabelDataset, collate


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
    """A DataLoader of Batches (or a UserError in a batch's place)."""
    return DataLoader(
        dataset, batch_sampler=sampler, collate_fn=collate, num_workers=workers, pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
    )  # fmt: skip
