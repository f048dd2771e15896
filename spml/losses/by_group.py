"""Σ exp(κ v·u) over positives and negatives as one product with their membership, instead of a mask of each.

Segments that are positive for the same anchors are summed together: of pixels × segments only the exponentials are
ever held. That is exact where no exponential can overflow; above, `contrastive.py` takes soft-maxima under masks.
"""

from dataclasses import dataclass

import torch

# exp(64) summed over millions of segments, and exp(-64), both lie well within float32.
LARGEST_CONCENTRATION = 64.0


@dataclass
class Membership:
    """Which sums over segments make an anchor's numerator and its negatives.

    columns: [S, K] zeros and ones, segments → sums; positive, negative: [G, K] zeros and ones, the sums that each group
    of anchors takes; alone: [G, 2] bool, whether a group of which the own segment is no positive (column 0) or is one
    (column 1) has no other positive.
    """

    columns: torch.Tensor
    positive: torch.Tensor
    negative: torch.Tensor
    alone: torch.Tensor

    @staticmethod
    def of(positive: torch.Tensor, key: torch.Tensor | None, dtype: torch.dtype) -> "Membership":
        """From [G, K] bool by the keys of segments [S], or from [G, S] bool where there are none."""
        if key is None:
            groups = len(positive)
            columns = torch.cat([positive, ~positive]).T.to(dtype).contiguous()
            own = torch.eye(groups, dtype=dtype, device=positive.device)
            taken, left = torch.cat([own, 0 * own], 1), torch.cat([0 * own, own], 1)
        else:
            columns = (key[:, None] == torch.arange(positive.shape[1], device=key.device)).to(dtype)
            taken, left = positive.to(dtype), (~positive).to(dtype)
        count = taken @ columns.sum(0)
        return Membership(columns, taken, left, torch.stack([count < 0.5, count < 1.5], 1))


def grouped_chunk(
    v: torch.Tensor,
    prototype: torch.Tensor,
    own: torch.Tensor,
    group: torch.Tensor,
    own_is_positive: torch.Tensor,
    sets: Membership,
    grads: tuple[torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """Summed loss of the anchors v [B, C] (scaled by κ).

    grads: where given, [B, C] and [S, C]: the first receives the gradient to v, that to the prototypes is added to the
    second.
    """
    own, is_positive = own[:, None], own_is_positive[:, None]
    alone = sets.alone[group].gather(1, is_positive.long())  # [B, 1]
    positive, negative = sets.positive[group], sets.negative[group]  # [B, K]
    e = (v @ prototype.T).exp_()  # [B, S]
    own_term = e.gather(1, own)
    e.scatter_(1, own, own_term.masked_fill(is_positive, 0))
    sums = e @ sets.columns  # [B, S] x [S, K]
    numerator = torch.where(alone, own_term, (sums * positive).sum(1, keepdim=True))
    rest = (sums * negative).sum(1, keepdim=True)
    if grads is not None:
        sigma = rest / (numerator + rest)
        weight = negative / (numerator + rest) - positive * (sigma / numerator)
        pull = e.mul_(weight @ sets.columns.T)
        pull.scatter_add_(1, own, -sigma * alone)
        torch.mm(pull, prototype, out=grads[0])
        grads[1].addmm_(pull.T, v)
    return (rest / numerator).log1p_().sum()
