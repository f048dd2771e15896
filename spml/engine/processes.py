"""Processes: one by plain `python`, several by `torchrun`; everything here is the identity for one."""

import gc
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist

# Here, before any group is opened: its functions take the group that is open at their import as the default of an
# argument and never let go of it. Left to DistributedDataParallel, which imports it later, the group's threads outlive
# the group, and one that drops a tensor while the interpreter ends aborts the process.
import torch.distributed.nn.functional
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spml.errors import UserError
from spml.launcher import check_launcher, num_ranks
from spml.segments.prototypes import Prototypes
from spml.segments.segment import Segments

_T = TypeVar("_T")


def rank() -> int:
    """This process's number, 0 where there is only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes work together."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def process_group(device: torch.device, **meeting: Any) -> Iterator[None]:
    """The group of processes that torchrun started (NCCL on CUDA, gloo elsewhere).

    Nothing under plain `python`; a group that is open already stays as it is. meeting: where processes meet that were
    not started by torchrun, as `torch.distributed.init_process_group` takes it.
    """
    if dist.is_initialized() or (not meeting and num_ranks() == 1):
        yield
        return
    if not meeting:
        check_launcher()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", **meeting)
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # whose variables hold the group as well
        raise
    finally:
        gc.collect()  # likewise what lies in a circle of references
        dist.destroy_process_group()


def without_exchange(model: nn.Module) -> AbstractContextManager:
    """A context in which backward passes of a model over processes exchange no gradients: more are to be added."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext()


class SumOverRanks(torch.autograd.Function):
    """The sum of a tensor over all processes, on each of them; gradients are summed likewise."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, of x's shape."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        """The gradient, summed over all processes."""
        total = grad.clone()
        dist.all_reduce(total)
        return total


class _GatherRows(torch.autograd.Function):
    """Rows of all processes, in the order of ranks; the gradient returns, summed, to the process that owns the rows."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, counts: list[int]) -> torch.Tensor:
        """Rows [n, ...] of each process, n as `counts` has it, joined to [sum of counts, ...]."""
        ctx.counts = counts
        padded = x.new_zeros(max(counts), *x.shape[1:])
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The gradient of this process's own rows, summed over all processes."""
        total = grad.clone(memory_format=torch.contiguous_format)  # the gradient that comes in belongs to others too
        dist.all_reduce(total)
        return total.split(ctx.counts)[rank()], None


def gather_counts(count: int, device: torch.device | str) -> list[int]:
    """The number that each process gives."""
    if world_size() == 1:
        return [count]
    counts = [torch.zeros(1, dtype=torch.long, device=device) for _ in range(world_size())]
    dist.all_gather(counts, torch.tensor([count], device=device))
    return torch.cat(counts).tolist()


def gather_rows(x: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """Rows of all processes [S_total, ...], with gradients; `counts` of `gather_counts`."""
    return x if world_size() == 1 else _GatherRows.apply(x, counts)


def gather_segments(segments: Segments, prototypes: Prototypes) -> tuple[Segments, Prototypes]:
    """This process's Segments and all processes' Prototypes, so numbered that they fit.

    Segment ids are shifted by the segments of earlier ranks, the prototypes' image ids by their images.
    """
    if world_size() == 1:
        return segments, prototypes
    counts = gather_counts(len(prototypes), prototypes.semantic.device)
    first_image = rank() * segments.num_images
    gathered = _gather_prototypes(replace(prototypes, image=prototypes.image + first_image), counts)
    return replace(segments, segment=segments.segment + sum(counts[: rank()])), gathered


def _gather_prototypes(prototypes: Prototypes, counts: list[int]) -> Prototypes:
    """Prototypes of all processes in two messages: vectors, with gradients, and numbers."""
    widths = [prototypes.embedding.shape[1], prototypes.embedding_local.shape[1]]
    vectors = gather_rows(torch.cat([prototypes.embedding, prototypes.embedding_local], 1), counts)
    numbers = [x[:, None] for x in (prototypes.semantic, prototypes.instance, prototypes.image)]
    gathered = gather_rows(torch.cat([*numbers, prototypes.tags.long()], 1), counts)
    embedding, embedding_local = vectors.split(widths, 1)
    semantic, instance, image = gathered[:, :3].unbind(1)
    return Prototypes(embedding, embedding_local, semantic, instance, image, gathered[:, 3:].bool())


def any_of_ranks(flag: torch.Tensor) -> torch.Tensor:
    """Whether a bool scalar is true on any process, as a scalar of its device; the same answer on all."""
    if world_size() > 1:
        flag = flag.int()
        dist.all_reduce(flag, dist.ReduceOp.MAX)
    return flag


def largest(number: int, device: torch.device | str) -> int:
    """The largest of the numbers that the processes give; the same answer on all."""
    if world_size() == 1:
        return number
    found = torch.tensor(number, device=device)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found)


def mean_count(count: torch.Tensor) -> torch.Tensor:
    """The mean over processes of a scalar count, as a tensor of the same device."""
    if world_size() == 1:
        return count
    return sum_over_ranks(count.double()) / world_size()


def sum_over_ranks(x: torch.Tensor) -> torch.Tensor:
    """The sum of a tensor over processes, without gradients."""
    if world_size() == 1:
        return x
    total = x.clone()
    dist.all_reduce(total)
    return total


def mean_over_ranks(values: Mapping[str, Any]) -> dict[str, float]:
    """Mean over processes of named scalars, as floats."""
    if not values:
        return {}
    stacked = torch.stack([torch.as_tensor(v, dtype=torch.float32).detach().reshape(()) for v in values.values()])
    if world_size() > 1:
        dist.all_reduce(stacked)
    return dict(zip(values, (stacked / world_size()).tolist(), strict=True))


@contextmanager
def held_by_first(resource: AbstractContextManager[Any]) -> Iterator[None]:
    """Hold on rank 0 what all processes share; a UserError at its beginning is raised on all of them."""
    with ExitStack() as stack:
        from_first(lambda: stack.enter_context(resource) and None)
        yield


def from_first(function: Callable[[], _T]) -> _T:
    """What `function` gives on rank 0, on every process; a UserError there is raised on all of them."""
    if world_size() == 1:
        return function()
    said: list[Any] = [None]
    if rank() == 0:
        try:
            said = [function()]
        except UserError as error:
            said = [error]
    dist.broadcast_object_list(said)
    if isinstance(said[0], UserError):
        raise said[0]
    return said[0]
