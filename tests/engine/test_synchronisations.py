"""How often an iteration makes a GPU wait for the host: counted on the CPU by what would, and on CUDA itself."""

import warnings

import torch
from marks import NO_CUDA
from tiny_tasks import random_batch
from torch.utils._python_dispatch import TorchDispatchMode

from spml.engine.trainer import build_run, step

# Of each the size of the result, or a number, is fetched.
WAITING = {
    "_local_scalar_dense",
    "nonzero",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "masked_select",
    "bincount",
}


class Waits(TorchDispatchMode):
    """Names of the operations that would make a GPU wait, boolean indexing among them."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function._schema.name.removeprefix("aten::")
        mask = name in ("index", "index_put", "index_put_") and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if name in WAITING or mask:
            self.names.append(name)
        return function(*args, **(kwargs or {}))


def iterate(config, device, count, tmp_path):
    """A run after `count` iterations of four images, and the next batch."""
    run = build_run(config, tmp_path, torch.device(device))
    run.task.train_mode()
    batches = [random_batch(images=4, seed=seed).to(run.device) for seed in range(count + 1)]
    for iteration, batch in enumerate(batches[:count]):
        step(run, run.task, batch, iteration)
    return run, batches[count]


def test_an_iteration_of_four_images_waits_ten_times(tiny_config, tmp_path, monkeypatch):
    run, batch = iterate(tiny_config(), "cpu", 3, tmp_path)
    real, waits = torch.Tensor.tolist, Waits()
    monkeypatch.setattr(torch.Tensor, "tolist", lambda self: waits.names.append("tolist") or real(self))
    with waits:
        step(run, run.task, batch, 3)
    assert len(waits.names) <= 10, waits.names


@NO_CUDA
def test_cuda_counts_no_more_waits_than_sizes_are_fetched(tiny_config, tmp_path):
    run, batch = iterate(tiny_config(), "cuda", 3, tmp_path)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step(run, run.task, batch, 3)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [str(w.message) for w in caught if "synchroniz" in str(w.message)]
    assert len(waits) <= 20, waits
