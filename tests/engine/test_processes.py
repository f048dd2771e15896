"""Several processes: uneven ranks, gradients to the rank that owns the pixels, one bank on all ranks."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spml.config import load_config
from spml.data.datasets import Batch
from spml.devices import choose_device
from spml.engine import processes
from spml.engine.tasks import EmbeddingTask, StepResult
from spml.engine.trainer import stop_unless_finite
from spml.errors import UserError
from spml.models.local_features import LocationFeatures
from spml.segments.memory_bank import MemoryBank
from spml.segments.prototypes import Prototypes, prototypes_of

ROOT = Path(__file__).parent.parent.parent
RANKS = 2
IMAGES, SIZE, CLASSES = 2, 24, 4
PATIENCE = timedelta(minutes=5)


class LinearNetwork(nn.Module):
    """Embeddings that are a linear function of the pixels, so that no batch statistics join the images."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.local_features = LocationFeatures()

    def forward(self, image):
        return self.conv(image)


def make_task(path):
    """The embedding task over a linear network, without dropout and batch statistics."""
    torch.manual_seed(3)
    task = EmbeddingTask(load_config(path))
    task.embedding_model = LinearNetwork()
    return task.eval()


def make_batch(rank, iteration):
    """A batch of one rank; much of rank 1 is void, all of it in iteration 2, and everything in iteration 3."""
    g = torch.Generator().manual_seed(10 * iteration + rank)
    blocks = torch.tensor([0, 1, 2, 3, 254])[torch.randint(5, (IMAGES, 6, 6), generator=g)]
    if rank == 1:
        blocks[:, 2:] = 255
    if iteration == 3 or (iteration == 2 and rank == 1):
        blocks[:] = 255
    semantic = blocks.repeat_interleave(4, 1).repeat_interleave(4, 2)
    instance = torch.randint(3, (IMAGES, 3, 3), generator=g).repeat_interleave(8, 1).repeat_interleave(8, 2)
    tags = torch.rand(IMAGES, CLASSES, generator=g) < 0.4
    image = torch.randn(IMAGES, 3, SIZE, SIZE, generator=g)
    return Batch(image, semantic, instance, tags)


ITERATIONS = 4


def flat_gradient(task):
    return torch.cat([p.grad.flatten() for p in task.parameters()])


def work(rank, folder):
    """One rank: gradients and memory of each iteration, written to the folder."""
    meet = f"file://{folder}/meet"
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=RANKS, timeout=PATIENCE)
    torch.set_num_threads(1)
    task, memory = make_task(folder / "config.yaml"), MemoryBank(2)
    model, out = DistributedDataParallel(task), []
    for iteration in range(ITERATIONS):
        result = model(make_batch(rank, iteration), memory)
        task.zero_grad()
        result.total.backward()
        memory.append(result.prototypes)
        accuracy = processes.mean_over_ranks({"accuracy": result.accuracy()})
        known = dict(vars(memory.extend(result.prototypes)))
        out.append({"gradient": flat_gradient(task), "memory": known, **accuracy})
    torch.save(out, folder / f"rank{rank}.pth")
    torch.save(said_of_losses(rank), folder / f"said{rank}.pth")
    dist.destroy_process_group()


def said_of_losses(rank):
    """What one rank is told of losses that are finite on rank 0, and on rank 1 at first."""
    said = []
    for iteration, value in enumerate((1.0, math.nan, math.inf)):
        loss = torch.tensor(value if rank == 1 else 0.5)
        try:
            stop_unless_finite(StepResult(loss, {"sem_ann": loss}, None), iteration)
        except UserError as error:
            said.append(str(error))
    return said


def alone(path):
    """The same in one process: each rank's loss with all ranks' prototypes, then the mean over ranks."""
    task, memory, out = make_task(path), MemoryBank(2), []
    for iteration in range(ITERATIONS):
        batches = [make_batch(rank, iteration) for rank in range(RANKS)]
        segments = [task.segment(b, task.embedding_model(b.image)) for b in batches]
        own = [prototypes_of(s, b.tags) for s, b in zip(segments, batches, strict=True)]
        everyone = Prototypes.cat([replace(p, image=p.image + IMAGES * r) for r, p in enumerate(own)])
        known, total = memory.extend(everyone), 0
        for rank, batch in enumerate(batches):
            shifted = replace(segments[rank], segment=segments[rank].segment + sum(len(p) for p in own[:rank]))
            losses = task.objective.relation_losses(shifted, known, batch.tags)
            logits = task.prediction_model(task.embedding_model(batch.image).detach())
            losses["cross_entropy"] = plain_cross_entropy(logits, batch.semantic)
            total = total + task.objective.total(losses) / RANKS
        task.zero_grad()
        total.backward()
        memory.append(everyone)
        counts = [len(p) for p in own]
        out.append({"gradient": flat_gradient(task), "memory": dict(vars(memory.extend(everyone))), "counts": counts})
    return out


def plain_cross_entropy(logits, labels):
    labelled = labels < CLASSES
    if not labelled.any():
        return logits.sum() * 0
    logits = nn.functional.interpolate(logits, labels.shape[-2:], mode="bilinear")
    return nn.functional.cross_entropy(logits.movedim(1, -1)[labelled], labels[labelled])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_yaml):
    """Where two gloo processes left what they got."""
    folder = tmp_path_factory.mktemp("gloo")
    affinity = {"feat_aff_loss_types": "segsort", "feat_aff_concentration": 12, "feat_aff_loss_weight": 0.5}
    (folder / "config.yaml").write_text(tiny_yaml(train=affinity))
    torch.multiprocessing.spawn(work, (folder,), RANKS)
    return folder


@pytest.fixture(scope="module")
def runs(folder):
    """What two gloo processes got, and what one process gets."""
    ranks = [torch.load(folder / f"rank{rank}.pth", weights_only=True) for rank in range(RANKS)]
    return ranks, alone(folder / "config.yaml")


def test_the_ranks_have_uneven_numbers_of_segments(runs):
    counts = [step["counts"] for step in runs[1]]
    assert counts[0][0] > 2 * counts[0][1] > 0
    assert counts[2][1] == 0 < counts[2][0]
    assert counts[3] == [0, 0]


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_two_processes_give_the_gradient_of_one_that_computes_the_mean_over_ranks(runs, iteration):
    ranks, one = runs
    expected = one[iteration]["gradient"]
    for rank in ranks:
        torch.testing.assert_close(rank[iteration]["gradient"], expected, rtol=1e-4, atol=1e-6)
    assert (expected.norm() > 0.01) == (iteration < 3)


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_the_bank_is_equal_on_every_rank_and_in_one_process(runs, iteration):
    ranks, one = runs
    for name, expected in one[iteration]["memory"].items():
        for rank in ranks:
            torch.testing.assert_close(rank[iteration]["memory"][name], expected.detach(), rtol=1e-5, atol=1e-6)


def test_numbers_are_averaged_over_ranks_alike(runs):
    first, second = ([step["accuracy"] for step in rank] for rank in runs[0])
    assert first == second


def test_every_rank_ends_alike_where_the_loss_of_one_is_not_finite(folder):
    first, second = (torch.load(folder / f"said{rank}.pth", weights_only=True) for rank in range(RANKS))
    assert [line.partition(";")[0] for line in first] == [
        "iteration 1: the loss is not finite (sem_ann nan)",
        "iteration 2: the loss is not finite (sem_ann inf)",
    ]
    assert second == first


def test_one_process_is_a_world_of_its_own():
    x = torch.randn(3, 2, requires_grad=True)
    assert (processes.rank(), processes.world_size()) == (0, 1)
    assert processes.gather_counts(3, "cpu") == [3]
    assert processes.gather_rows(x, [3]) is x
    assert processes.any_rank(torch.tensor(True)) and not processes.any_rank(torch.tensor(False))
    assert processes.mean_over_ranks({"a": torch.tensor(2.0), "b": 3}) == {"a": 2.0, "b": 3.0}
    assert processes.mean_over_ranks({}) == {}


@pytest.mark.parametrize("name", ["teapot", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_an_error_that_names_it(name):
    with pytest.raises(UserError, match=f"--device {name}: cannot be used here"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_the_device_is_the_cpu_unless_another_is_asked_for():
    assert choose_device() == torch.device("cpu")
    with pytest.raises(UserError, match="--device cuda"):
        choose_device("cuda")


def test_torchrun_trains_with_two_processes(tiny_data, write_config, tmp_path):
    words = [ROOT / "pyscripts" / "train" / "train.py", "--cfg_path", write_config(train={"max_iteration": 2})]
    words += ["--data_dir", tiny_data.root, "--data_list", tiny_data.list, "--snapshot_dir", tmp_path / "run"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [*torchrun, *map(str, words), "--device", "cpu"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("random initial value") == 1
    state = torch.load(tmp_path / "run" / "state-1.pth", weights_only=True)
    assert sorted(p.name for p in (tmp_path / "run").glob("*.pth")) == ["model-1.pth", "state-1.pth"]
    images = state["memory"]["entries"][-1]["image"]
    assert state["memory"]["images_seen"] == 8
    assert len(images.unique()) == 4
