"""Long load: memory, file descriptors and threads stay as they are after the first quarter of thousands of steps."""

import gc
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from spml.commands import ranks
from spml.commands.inference import inference_softmax_crf
from spml.data.lists import read_list
from spml.engine import trainer
from spml.engine.monitor import Monitor

pytestmark = pytest.mark.training  # minutes

STEPS = 2000
GROWTH = 0.02


@dataclass
class Usage:
    """Resident memory in bytes, open files and threads of this process, one entry a look."""

    memory: list = field(default_factory=list)
    files: list = field(default_factory=list)
    threads: list = field(default_factory=list)

    def look(self):
        gc.collect()
        self.memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        self.files.append(len(os.listdir("/proc/self/fd")))
        self.threads.append(len(os.listdir("/proc/self/task")))

    def check(self):
        """See that nothing has grown after the first quarter; memory is the largest of an eighth.

        Of open files and threads the fewest of an eighth: pictures that threads read and write come and go.
        """
        count = len(self.memory)
        assert count >= 16
        early, late = slice(count // 4, count * 3 // 8), slice(-count // 8, None)
        assert max(self.memory[late]) < (1 + GROWTH) * max(self.memory[early]), self.memory
        assert min(self.files[late]) <= min(self.files[early]), self.files
        assert min(self.threads[late]) <= min(self.threads[early]), self.threads


def looking(usage, function, every):
    """The function, with a look at the process after each `every` calls."""
    calls = []

    def wrapped(*args, **kwargs):
        out = function(*args, **kwargs)
        calls.append(None)
        if len(calls) % every == 0:
            usage.look()
        return out

    return wrapped


@pytest.mark.parametrize("workers", [0, 2])
def test_thousands_of_iterations_with_memory_bank_and_curves(tiny_config, tiny_data, tmp_path, monkeypatch, workers):
    usage = Usage()
    monkeypatch.setattr(Monitor, "after", looking(usage, Monitor.after, STEPS // 40))
    train = {"max_iteration": STEPS, "snapshot_step": STEPS // 10, "tensorboard_step": 5, "memory_bank_size": 4}
    config = tiny_config(num_threads=workers, train={**train, "batch_size": 1})
    trainer.train(config, read_list(tiny_data.root, tiny_data.list), tmp_path / "run", device="cpu")
    usage.check()


def test_thousands_of_images_with_crf(call, tiny_data, monkeypatch):
    usage = Usage()
    monkeypatch.setattr(ranks.Progress, "update", looking(usage, ranks.Progress.update, STEPS // 40))
    rows = []
    for number in range(STEPS):
        link = tiny_data.root / "image" / f"many{number}.png"
        link.symlink_to(tiny_data.root / "image" / f"{tiny_data.ids[number % 4]}.png")
        rows.append(f"image/{link.name}\n")
    (tiny_data.root / "many.txt").write_text("".join(rows))
    call(inference_softmax_crf, "--data_list", tiny_data.root / "many.txt", drop=("--data_list",))
    usage.check()
