"""What a training run asks of the memory before it begins, and what it says where that is not there."""

import re

import pytest
import torch

from spml import devices, train
from spml.config import load_config
from spml.devices import free_memory, need_memory
from spml.engine.memory_needs import need_training_memory
from spml.errors import UserError

CPU, GIB = torch.device("cpu"), 1 << 30


def needed_gib(monkeypatch, *opts):
    """What training with these keys is said to need."""
    monkeypatch.setattr(devices, "free_memory", lambda device: 0)
    with pytest.raises(UserError) as error:
        need_training_memory(load_config(None, ["train.freeze_at", "2", *opts]), CPU)
    return float(re.search(r"at least ([\d.]+) GiB", str(error.value))[1])


def test_the_published_batches_need_some_gigabytes_and_grow_with_batch_crop_and_embedding(monkeypatch):
    usual = needed_gib(monkeypatch)
    assert 2 < usual < 8  # four crops of 512 pixels and ResNet-101, which take about 9
    assert needed_gib(monkeypatch, "train.batch_size", "8") == pytest.approx(2 * usual, rel=0.05)
    assert needed_gib(monkeypatch, "train.crop_size", "[1024, 1024]") == pytest.approx(4 * usual, rel=0.05)
    assert needed_gib(monkeypatch, "network.embedding_dim", "16384") > 3 * usual
    assert needed_gib(monkeypatch, "network.backbone_types", "panoptic_deeplab_tiny") < usual / 5
    assert needed_gib(monkeypatch, "network.prediction_types", "softmax_classifier") < usual / 5
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert needed_gib(monkeypatch) == pytest.approx(2 * usual, rel=0.05)


def test_a_run_that_cannot_fit_ends_before_anything_is_read_or_written(tmp_path):
    config = load_config(None, ["train.batch_size", "1000", "train.crop_size", "[16384, 16384]"])
    with pytest.raises(UserError, match=r"train.batch_size 1000, train.crop_size \[16384, 16384\], .* are needed"):
        train(config, [], tmp_path / "run", "cpu")
    assert not (tmp_path / "run").exists()


def test_free_memory_is_that_of_the_machine_or_of_its_container(monkeypatch):
    assert free_memory(CPU) is None or free_memory(CPU) > 0
    files = {"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:   4096 kB\nSwapFree: 1024 kB\n"}
    monkeypatch.setattr(devices, "_content", lambda path: files.get(path, ""))
    assert free_memory(CPU) == 5 << 20
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert free_memory(CPU) == 5 << 20
    files["/sys/fs/cgroup/memory.max"] = f"{2 << 20}\n"
    assert free_memory(CPU) == 2 << 20
    files.clear()
    assert free_memory(CPU) is None
    need_memory(1e30, CPU, "anything, where nobody knows")
