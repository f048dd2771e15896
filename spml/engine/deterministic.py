"""What `train.deterministic` asks of torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic_algorithms(wanted: bool) -> Iterator[None]:
    """Inside, torch takes algorithms that give the same bits each time, where `wanted`; afterwards, those of before.

    What holds: on the CPU a run with the same seed and the same number of threads is equal bit for bit, wanted or not.
    On CUDA it is so only where wanted, on the same GPU and versions: without, sums by atomics (k-means, prototypes, the
    gradients of bilinear resizing and of pooling) come in another order each time. An operation that torch has no such
    algorithm for is warned of by torch itself.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not wanted  # crops have one size, for which the fastest convolutions are sought
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA's first product is taken
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark
