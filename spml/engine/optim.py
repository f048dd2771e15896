"""Parameter groups, SGD with the learning rate inside the momentum buffer, and learning-rate schedules."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

POLY_POWER = 0.9
WARMUP_START = 0.1


def parameter_groups(embedding: nn.Module, classifier: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Groups with multipliers: backbone ×1 (biases ×2), embedding head and classifier ×10 (biases ×20); no bias decays.

    Parameters that take no gradient (the stem and res2) are left out.
    """
    backbone = "resnet_backbone."
    named = [(n, p) for n, p in embedding.named_parameters() if p.requires_grad]
    parts = [
        (1, [(n, p) for n, p in named if n.startswith(backbone)]),
        (10, [(n, p) for n, p in named if not n.startswith(backbone)]),
        (10, list(classifier.named_parameters())),
    ]
    groups: list[dict[str, Any]] = []
    for multiplier, part in parts:
        weights = [p for n, p in part if not n.endswith("bias")]
        biases = [p for n, p in part if n.endswith("bias")]
        groups.append({"params": weights, "multiplier": multiplier, "weight_decay": weight_decay})
        groups.append({"params": biases, "multiplier": 2 * multiplier, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


class SGD(torch.optim.Optimizer):
    """b ← m·b + η·multiplier·(g + weight_decay·p); p ← p − b. The rate η is given to each step."""

    def __init__(self, groups: list[dict[str, Any]], momentum: float) -> None:
        super().__init__(groups, {"momentum": momentum, "multiplier": 1, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, rate: float) -> None:  # type: ignore[override]
        """One update at learning rate `rate` of all parameters that have a gradient."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            buffers = [self._buffer(p) for p in params]
            gradients = torch._foreach_add([p.grad for p in params], params, alpha=group["weight_decay"])
            torch._foreach_mul_(buffers, group["momentum"])
            torch._foreach_add_(buffers, gradients, alpha=rate * group["multiplier"])
            torch._foreach_sub_(params, buffers)

    def _buffer(self, parameter: torch.Tensor) -> torch.Tensor:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        return state["momentum"]


def learning_rate(
    iteration: int, policy: str, base: float, max_iteration: int, warmup: int = 0, decay_iterations: Sequence[int] = ()
) -> float:
    """The rate of iteration t: `poly` (1 − t/T)^0.9 or `step` (a tenth at each decay iteration), after a warm-up.

    iteration: t, from 0; max_iteration: T; warmup: w iterations that start at a tenth.
    """
    rising = base * (WARMUP_START * (1 - iteration / warmup) + iteration / warmup) if iteration < warmup else None
    if policy == "poly":
        rate = base * (1 - iteration / max_iteration) ** POLY_POWER
        return rate if rising is None else min(rate, rising)
    if rising is not None:
        return rising
    return base * 0.1 ** sum(d <= iteration for d in decay_iterations)
