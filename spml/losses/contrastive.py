"""One pixel-to-segment contrastive loss, given who is positive (paper, equation 3).

For a pixel with embedding v and own segment s₀, prototypes u_s and concentration κ:

    a    = Σ_{s ∈ +, s ≠ s₀} exp(κ v·u_s)
    num  = a if there is another positive, else exp(κ v·u_{s₀})
    loss = −log( num / (num + Σ_{s ∈ −} exp(κ v·u_s)) )
         = softplus( logΣ_{s ∈ −} exp(κ v·u_s) − log num )
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from spml.losses.by_group import LARGEST_CONCENTRATION, Membership, grouped_chunk

# Similarities held at a time: 2 MB stay in a processor's cache; a GPU wants larger products.
CHUNK_ELEMENTS = {"cpu": 1 << 19, "cuda": 1 << 25}
# Stands for minus infinity: a row with nothing but it has a finite log-sum-exp far below all others.
MASKED = -1e30


@dataclass
class Contrast:
    """Anchors, prototypes, and who is positive for whom.

    anchor: [P, C] v; prototype: [S, C] u; own: [P] the anchor's own segment s₀; group: [P] row of `positive` that holds
    for the anchor; positive: [G, S] bool, the others are negative. Where segments are positive for the same groups,
    as by label, key: [S] is the column of `positive` [G, K] that holds for the segment. Vectors have unit length.
    """

    anchor: torch.Tensor
    prototype: torch.Tensor
    own: torch.Tensor
    group: torch.Tensor
    positive: torch.Tensor
    key: torch.Tensor | None = None


def contrastive_loss(contrast: Contrast, concentration: float) -> torch.Tensor:
    """Mean loss over the anchors (a scalar; 0 with zero gradient where there is none), in float32 or better."""
    c = contrast
    if not len(c.anchor):
        return 0.0 * (c.anchor.sum() + c.prototype.sum())
    vectors = c.anchor, c.prototype
    if not torch.is_grad_enabled():  # inside, that is not to be seen: needs_input_grad is true of them all the same
        vectors = c.anchor.detach(), c.prototype.detach()
    return _PixelToSegment.apply(*vectors, c.own, c.group, c.positive, c.key, float(concentration))


class _PixelToSegment(torch.autograd.Function):
    """The mean loss in chunks of anchors; the gradient is taken on the way, so no chunk is computed twice.

    With σ = Σ₋ / (num + Σ₋), the gradient to the similarity κ v·u_s is σ times the share of s among the negatives,
    minus σ times its share of the numerator.
    """

    @staticmethod
    def forward(
        ctx: Any,
        anchor: torch.Tensor,
        prototype: torch.Tensor,
        own: torch.Tensor,
        group: torch.Tensor,
        positive: torch.Tensor,
        key: torch.Tensor | None,
        concentration: float,
    ) -> torch.Tensor:
        """The mean loss; its gradients to anchors and prototypes are taken on the way and kept."""
        exact = torch.promote_types(torch.promote_types(anchor.dtype, prototype.dtype), torch.float32)
        dtypes = anchor.dtype, prototype.dtype
        v, u = anchor.detach().to(exact) * concentration, prototype.detach().to(exact)
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        grads = (torch.empty_like(v), torch.zeros_like(u)) if wanted else None
        total = v.new_zeros((), dtype=torch.float64 if v.device.type == "cpu" else exact)
        chunk_loss = (
            _by_group(positive, key, exact) if concentration <= LARGEST_CONCENTRATION else _masked(positive, key)
        )
        rows = max(16, CHUNK_ELEMENTS.get(v.device.type, 1 << 22) // max(1, len(u)))
        with torch.autocast(v.device.type, enabled=False):
            for start in range(0, len(v), rows):
                here = slice(start, start + rows)
                parts = None if grads is None else (grads[0][here], grads[1])
                total += chunk_loss(v[here], u, own[here], group[here], parts)
        if grads is not None:
            grads[0].mul_(concentration)
            ctx.save_for_backward(*(g.mul_(1 / len(v)).to(t) for g, t in zip(grads, dtypes, strict=True)))
        return (total / len(v)).to(exact)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The kept gradients to anchors and prototypes, times that of the loss."""
        grad_anchor, grad_prototype = ctx.saved_tensors
        return (grad * grad_anchor).to(grad_anchor), (grad * grad_prototype).to(grad_prototype), *(None,) * 5


# anchors [B, C] scaled by κ, prototypes, own, group, gradients → summed loss; adds to the gradients where given:
# that to the anchors' [B, C], but for κ, that to the prototypes [S, C].
ChunkLoss: TypeAlias = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor] | None], torch.Tensor
]


def _by_group(positive: torch.Tensor, key: torch.Tensor | None, dtype: torch.dtype) -> ChunkLoss:
    """By sums over segments that are positive together; the plain form, under masks, is `_masked`."""
    sets = Membership.of(positive, key, dtype)

    def chunk_loss(v, prototype, own, group, grads):  # type: ignore[no-untyped-def]
        is_own_positive = positive[group, own if key is None else key[own]]
        return grouped_chunk(v, prototype, own, group, is_own_positive, sets, grads)

    return chunk_loss


def _masked(positive: torch.Tensor, key: torch.Tensor | None) -> ChunkLoss:
    """By soft-maxima under masks, whatever the concentration."""
    whole = positive if key is None else positive[:, key]
    return lambda v, prototype, own, group, grads: _masked_chunk(v, prototype, own, whole[group], grads)


def _masked_chunk(
    v: torch.Tensor,
    prototype: torch.Tensor,
    own: torch.Tensor,
    is_positive: torch.Tensor,
    grads: tuple[torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """A `ChunkLoss` under the mask `is_positive` [B, S]."""
    similarity = v @ prototype.T  # [B, S]
    numerator = is_positive.scatter(1, own[:, None], False)
    numerator.scatter_(1, own[:, None], ~numerator.any(1, keepdim=True))
    negative_share, log_negative = _softmax_over(similarity.masked_fill(is_positive, MASKED))
    numerator_share, log_numerator = _softmax_over(similarity.masked_fill_(numerator.logical_not_(), MASKED))
    margin = log_negative - log_numerator
    if grads is not None:
        sigma = margin.sigmoid()[:, None]
        pull = negative_share.sub_(numerator_share)
        grads[0].copy_((pull @ prototype).mul_(sigma))
        grads[1].addmm_(pull.T, v * sigma)
    return F.softplus(margin).sum()


def _softmax_over(similarity: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Soft-max and log-sum-exp of each row: [B, S] → [B, S], [B]."""
    share = similarity.softmax(1)
    return share, similarity.amax(1) - share.amax(1).log()
