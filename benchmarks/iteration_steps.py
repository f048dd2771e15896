"""A whole training iteration of VOC's points, from batch to updated weights, beside the plain formulas in float32."""

from functools import partial
from pathlib import Path

import plain
import torch
from steps import Step

from spml.config import load_config
from spml.data.datasets import Batch
from spml.engine.trainer import build_run, memory_format, seed_iteration, step
from spml.segments.kmeans import initial_clusters

POINT = Path(__file__).resolve().parents[1] / "configs" / "voc12" / "point.yaml"
STEPS_A_RUN = {"train.base_lr": 0.0, "train.memory_bank_size": 0, "network.use_syncbn": False, "network.pretrained": ""}


def make(size, device, amp="none", channels_last=False):
    """A run whose rate is 0, so that weights stay as they are, and a batch of points on regions of 32 pixels."""
    layers, side = size["layers"], size["side"]
    config = load_config(POINT, {
        **STEPS_A_RUN, "network.backbone_types": f"panoptic_deeplab_{layers or 'tiny'}", "train.amp": amp,
        "train.channels_last": channels_last, "train.crop_size": [side, side],
    })  # fmt: skip
    run = build_run(config, Path(), device)
    run.task.to(memory_format=memory_format(run)).train_mode()
    g = torch.Generator().manual_seed(0)
    n, cells = size["images"], -(-side // 32)
    instance = torch.arange(cells**2).view(cells, cells).repeat_interleave(32, 0).repeat_interleave(32, 1)
    semantic = torch.randint(21, (n, cells, cells), generator=g).repeat_interleave(32, 1).repeat_interleave(32, 2)
    labelled = torch.rand(n, side, side, generator=g) < 0.1
    semantic = torch.where(labelled, semantic[:, :side, :side], 254)
    tags = torch.rand(n, 21, generator=g) < 0.1
    image = torch.randn(n, 3, side, side, generator=g)
    batch = Batch(image, semantic, instance[:side, :side].expand(n, side, side), tags)
    return run, batch.to(device, memory_format(run))


def ours(inputs):
    """The total loss, after an update of the weights."""
    run, batch = inputs
    return step(run, run.task, batch, 0)[0].total.detach()


def by_formulas(inputs):
    """The same by the plain formulas, in float32, and torch's own SGD, image for image as they come."""
    run, batch = inputs
    seed_iteration(run.config.train.seed, 0)  # what drop-out draws
    batch = batch.to(run.device)
    run.task.to(memory_format=torch.contiguous_format)
    grid = run.task.network.kmeans_num_clusters
    side = -(-batch.image.shape[-1] // 8) * 2
    loss = plain.iteration_loss(run.task, batch, initial_clusters(side, side, *grid, run.device).flatten())
    parameters = [p for p in run.task.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.0, momentum=0.9, weight_decay=5e-4, foreach=False)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    run.task.to(memory_format=memory_format(run))
    return loss.detach()


SIZES = [{"images": 4, "side": 161, "layers": 101}]
SHORT = [{"images": 2, "side": 65, "layers": 0}]
STEPS = {
    "training iteration": Step(make, ours, by_formulas, SIZES, SHORT, tolerance=1e-4),
    "training iteration, bf16": Step(
        partial(make, amp="bf16", channels_last=True), ours, by_formulas, SIZES, SHORT, tolerance=0.1
    ),
}
