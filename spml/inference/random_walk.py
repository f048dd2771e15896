"""Labels spread by a random walk whose steps follow the similarity of embeddings (paper, section 3.4; AffinityNet)."""

import torch
from torch.nn import functional as F

SHARPNESS = 5
POWER = 20
STEPS = 64


def affinity(embedding: torch.Tensor) -> torch.Tensor:
    """exp(5 cos − 5) between all pixels of a raw embedding map: [C, h, w] → [h·w, h·w]."""
    e = F.normalize(embedding.flatten(1), dim=0)
    return (e.T @ e).mul_(SHARPNESS).sub_(SHARPNESS).exp_()


def random_walk(scores: torch.Tensor, affinity: torch.Tensor, power: float = POWER, steps: int = STEPS) -> torch.Tensor:
    """scores · T^steps with T = affinity^power, elementwise, columns summing to 1: [K, h, w], [h·w, h·w] → [K, h, w].

    Works in place on `affinity`. The rows of scores walk, step by step; T^steps is never formed.
    """
    weight = affinity.pow_(power)
    weight = weight.div_(weight.sum(0, keepdim=True))
    walked = scores.flatten(1)
    for _ in range(steps):
        walked = walked @ weight
    return walked.view_as(scores)
