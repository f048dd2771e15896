"""What each of two gloo processes does for test_processes.py; all of it in one spawn, since a start takes seconds."""

import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spml.config import load_config
from spml.data.datasets import Batch
from spml.data.lists import read_list
from spml.engine import processes, trainer
from spml.engine.batch_norm import JoinedBatchNorm2d
from spml.engine.finite import FiniteWatch
from spml.engine.tasks import EmbeddingTask, StepResult
from spml.errors import UserError
from spml.models import classifier
from spml.models.local_features import LocationFeatures
from spml.segments.memory_bank import MemoryBank

RANKS = 2
IMAGES, SIZE, CLASSES = 2, 24, 4
ITERATIONS = 4
PATIENCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Place:
    """A folder for results, the tiny data and its list, and a configuration for each run by its name."""

    folder: Path
    root: Path
    list: Path

    def config(self, name, **train):
        config = load_config(self.folder / f"{name}.yaml")
        config.train.update(train)
        return config


class LinearNetwork(nn.Module):
    """Embeddings that are a linear function of the pixels, so that no batch statistics join the images."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, stride=4)
        self.local_features = LocationFeatures()

    def forward(self, image):
        return self.conv(image)


def make_task(config):
    """The embedding task over a linear network, without dropout and batch statistics."""
    torch.manual_seed(3)
    task = EmbeddingTask(config)
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


def flat_gradient(task):
    return torch.cat([p.grad.flatten() for p in task.parameters()])


def steps(rank, place):
    """Gradients and memory of each iteration."""
    task, memory = make_task(place.config("embedding")), MemoryBank(2)
    model, out = DistributedDataParallel(task), []
    for iteration in range(ITERATIONS):
        result = model(make_batch(rank, iteration), memory)
        task.zero_grad()
        result.total.backward()
        memory.append(result.prototypes)
        accuracy = processes.mean_over_ranks({"accuracy": result.accuracy()})
        known = dict(vars(memory.extend(result.prototypes)))
        out.append({"gradient": flat_gradient(task), "memory": known, **accuracy})
    return out


def complaint(function, *args):
    """The UserError that a call ends in, as text; '' where there is none."""
    try:
        function(*args)
    except UserError as error:
        return str(error)
    return ""


def said_of_losses(rank):
    """What one rank is told of losses that are finite on rank 0, and on rank 1 at first."""
    said = []
    for iteration, value in enumerate((1.0, math.nan, math.inf)):
        loss = torch.tensor(value if rank == 1 else 0.5)
        said.append(complaint(FiniteWatch().note, StepResult(loss, {"sem_ann": loss}, loss, None), iteration))
    return said


def gathered_gradient(rank):
    """The gradient that came in at gathered rows, afterwards, and the one that went out to this rank's rows."""
    x = torch.ones(rank + 1, 2, requires_grad=True)
    y = processes.gather_rows(x, [1, 2])
    incoming = torch.full_like(y, float(rank + 1))
    (outgoing,) = torch.autograd.grad(y, x, incoming)
    return {"incoming": incoming, "outgoing": outgoing}


NORM_COUNTS = (1, 3)


def norm_batch():
    """The joint batch that the ranks share unevenly, and weights for its outputs."""
    g = torch.Generator().manual_seed(5)
    return torch.randn(2, sum(NORM_COUNTS), 6, 5, 4, generator=g).unbind(0)


def filled_norm(kind):
    norm = kind(6, momentum=0.3)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2, 6))
        norm.bias.copy_(torch.linspace(-1, 1, 6))
    return norm


def joined_norm(rank):
    """Output, gradients and statistics of a joined batch norm on this rank's part of the joint batch."""
    norm, (x, w) = filled_norm(JoinedBatchNorm2d), (part.split(NORM_COUNTS)[rank] for part in norm_batch())
    x = x.clone().requires_grad_()
    y = norm(x)
    (y * w).sum().backward()
    grads = {"input": x.grad, "weight": norm.weight.grad, "bias": norm.bias.grad}
    return {"output": y.detach(), **grads, "statistics": dict(norm.named_buffers())}


def trained(place, name, folder, **changes):
    """Weights and memory of this process after a training run into `folder`; what it is refused for, or ''."""
    runs, real = [], trainer.loop
    trainer.loop = lambda run, *args: [runs.append(run), real(run, *args)]
    classifier.DROPOUT.update(dict.fromkeys(classifier.DROPOUT, 0.0))
    said = complaint(
        trainer.train, place.config(name, **changes), read_list(place.root, place.list), place.folder / folder, "cpu"
    )
    trainer.loop = real
    ends = [{"weights": run.task.state_dict(), "memory": run.memory.state_dict()} for run in runs]
    return {"said": said, **(ends[0] if ends else {})}


def trained_together(rank, place):
    """Each kind of training; then an embedding whose run is resumed by ranks that do not share their folders."""
    out = {name: trained(place, name, f"{name}{rank}") for name in ("classifier", "cam", "embedding")}
    out["begun"] = trained(place, "embedding", f"parts{rank}", max_iteration=2)
    if rank == 1:
        (place.folder / "parts1").mkdir()
        (place.folder / "parts1" / "model-77.pth").write_text("a snapshot of another run")
    out["refused"] = trained(place, "embedding", f"parts{rank}")
    out["resumed"] = trained(place, "embedding", f"parts{rank}", resume=True)
    (place.folder / f"lost{rank}").mkdir()
    if rank == 0:
        (place.folder / "lost0" / "model-1.pth").write_text("broken")
    out["broken"] = trained(place, "embedding", f"lost{rank}", resume=True)
    return out


def work(rank, place):
    """One rank: all of the above, written to the folder."""
    torch.set_num_threads(1)
    meeting = {"init_method": f"file://{place.folder}/meet", "rank": rank, "world_size": RANKS, "timeout": PATIENCE}
    with processes.process_group(torch.device("cpu"), **meeting):
        results = {
            "steps": steps(rank, place),
            "said": said_of_losses(rank),
            "gathered": gathered_gradient(rank),
            "norm": joined_norm(rank),
            "trained": trained_together(rank, place),
        }
    torch.save({**results, "threads": threads()}, place.folder / f"rank{rank}.pth")


def threads():
    """The names of this process's threads that carry messages between processes."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return sorted(name for name in names if "gloo" in name)
