"""The endless stream of training samples: one permutation an epoch, cut into full batches over all processes."""

import numpy as np
from torch.utils.data import DataLoader, Sampler

from spml.data.datasets import collate


class StreamSampler(Sampler):
    """Batches of (index, position) for one process, from iteration `start` to `stop`.

    The permutations of all epochs follow each other without a gap, so every sample is used once an epoch, batches are
    always full, and an iteration's batch depends on nothing but its number.
    """

    def __init__(self, length, batch_size, start, stop, rank=0, world_size=1, shuffle=True, seed=0):
        self.length, self.batch_size, self.start, self.stop = length, batch_size, start, stop
        self.rank, self.world_size, self.shuffle, self.seed = rank, world_size, shuffle, seed
        self._epoch, self._order = -1, None

    def __len__(self):
        return self.stop - self.start

    def __iter__(self):
        for iteration in range(self.start, self.stop):
            first = (iteration * self.world_size + self.rank) * self.batch_size
            yield [(self._index(p), p) for p in range(first, first + self.batch_size)]

    def _index(self, position):
        epoch, place = divmod(position, self.length)
        if not self.shuffle:
            return place
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.length)
        return int(self._order[place])


def make_loader(dataset, sampler, workers, pin_memory=False):
    """A DataLoader of Batches (or a UserError in a batch's place)."""
    return DataLoader(
        dataset, batch_sampler=sampler, collate_fn=collate, num_workers=workers, pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
    )  # fmt: skip
