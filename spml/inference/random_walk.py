"""Labels spread by a random walk whose steps follow the similarity of embeddings (paper, section 3.4; AffinityNet)."""

from math import comb

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

    Works in place on `affinity`, which is positive semi-definite, as sums of exp(cosine) are: the eigenvalues of T lie
    in 0..1. There x^64 equals, as near as floats tell, a polynomial in x of degree 34 or so: half the products.
    """
    weight = affinity.pow_(power)
    total = weight.sum(0)

    def step(walked: torch.Tensor) -> torch.Tensor:
        return (walked @ weight).div_(total)

    before = scores.flatten(1)
    known = before.any(1)  # rows of zeros stay zeros
    before = before[known]
    first, second, *others = power_coefficients(steps, torch.finfo(scores.dtype).eps / 16)
    now = 2 * step(before) - before
    found = first * before + second * now
    for coefficient in others:
        before, now = now, step(now).mul_(4).sub_(now, alpha=2).sub_(before)
        found.add_(now, alpha=coefficient)
    return torch.zeros_like(scores).flatten(1).index_put_((known,), found).view_as(scores)


def power_coefficients(exponent: int, error: float) -> list[float]:
    """c with x^exponent = Σ c[k] · T_k(2x − 1) for x in 0..1, without what sums to `error` or less.

    T_k are Chebyshev's polynomials: T_0 = 1, T_1(y) = y, T_{k+1}(y) = 2y T_k(y) − T_{k−1}(y), all in −1..1.
    """
    found = [comb(2 * exponent, exponent - k) / 2 ** (2 * exponent - 1) for k in range(exponent + 1)]
    found[0] /= 2
    while len(found) > 2 and found[-1] <= error:
        error -= found.pop()
    return found
