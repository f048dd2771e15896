"""Processes: one by plain `python`, several by `torchrun`; everything here is the identity for one."""

import os
from contextlib import contextmanager
from dataclasses import replace

import torch
import torch.distributed as dist


def rank():
    """This process's number, 0 where there is only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size():
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def process_group(device):
    """The group of processes that torchrun started (NCCL on CUDA, gloo elsewhere); nothing under plain `python`."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def joins_batch_norm(use_syncbn, device):
    """Whether batch norm takes its statistics over all processes: several of them, on CUDA, asked to."""
    return use_syncbn and world_size() > 1 and device.type == "cuda"


class _GatherRows(torch.autograd.Function):
    """Rows of all processes, in the order of ranks; the gradient returns, summed, to the process that owns the rows."""

    @staticmethod
    def forward(ctx, x, counts):
        ctx.counts = counts
        padded = x.new_zeros(max(counts), *x.shape[1:])
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx, grad):
        grad = grad.contiguous()
        dist.all_reduce(grad)
        return grad.split(ctx.counts)[rank()], None


def gather_counts(count, device):
    """The number that each process gives, as a list."""
    if world_size() == 1:
        return [count]
    counts = [torch.zeros(1, dtype=torch.long, device=device) for _ in range(world_size())]
    dist.all_gather(counts, torch.tensor([count], device=device))
    return [int(c) for c in counts]


def gather_rows(x, counts):
    """Rows of all processes [S_total, ...], with gradients; `counts` of `gather_counts`; bool travels as bytes."""
    if world_size() == 1:
        return x
    return _GatherRows.apply(x.byte(), counts).bool() if x.dtype == torch.bool else _GatherRows.apply(x, counts)


def gather_segments(segments, prototypes):
    """This process's Segments and all processes' Prototypes, so numbered that they fit.

    Segment ids are shifted by the segments of earlier ranks, the prototypes' image ids by their images.
    """
    counts = gather_counts(len(prototypes), prototypes.semantic.device)
    first_image = rank() * segments.num_images
    prototypes = replace(prototypes, image=prototypes.image + first_image)
    gathered = prototypes.map(lambda x: gather_rows(x, counts))
    return replace(segments, segment=segments.segment + sum(counts[: rank()])), gathered


def any_rank(flag):
    """Whether a bool scalar is true on any process; the same answer on all."""
    if world_size() > 1:
        flag = flag.int()
        dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)


def mean_over_ranks(values):
    """Mean over processes of a dict of scalars, as floats."""
    if not values:
        return {}
    stacked = torch.stack([torch.as_tensor(v, dtype=torch.float32).detach().reshape(()) for v in values.values()])
    if world_size() > 1:
        dist.all_reduce(stacked)
    return dict(zip(values, (stacked / world_size()).tolist(), strict=True))
