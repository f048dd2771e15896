"""One pixel-to-segment contrastive loss, given who is positive (paper, equation 3).

For a pixel with embedding v and own segment s₀, prototypes u_s and concentration κ:

    a    = Σ_{s ∈ +, s ≠ s₀} exp(κ v·u_s)
    num  = a if there is another positive, else exp(κ v·u_{s₀})
    loss = −log( num / (num + Σ_{s ∈ −} exp(κ v·u_s)) )
         = softplus( logΣ_{s ∈ −} exp(κ v·u_s) − log num )
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Similarities held at a time: 1 MB stays in a processor's cache; a GPU wants larger products.
CHUNK_ELEMENTS = {"cpu": 1 << 18, "cuda": 1 << 25}
# Stands for minus infinity: a row with nothing but it has a finite log-sum-exp far below all others.
MASKED = -1e30


@dataclass
class Contrast:
    """Anchors, prototypes, and who is positive for whom.

    anchor: [P, C] v; prototype: [S, C] u; own: [P] the anchor's own segment s₀; group: [P] row of `positive` that holds
    for the anchor; positive: [G, S] bool, the others are negative.
    """

    anchor: torch.Tensor
    prototype: torch.Tensor
    own: torch.Tensor
    group: torch.Tensor
    positive: torch.Tensor


def contrastive_loss(contrast: Contrast, concentration: float) -> torch.Tensor:
    """Mean loss over the anchors (a scalar; 0 with zero gradient where there is none), in float32 or better."""
    c = contrast
    if not len(c.anchor):
        return 0.0 * (c.anchor.sum() + c.prototype.sum())
    vectors = c.anchor, c.prototype
    if not torch.is_grad_enabled():  # inside, that is not to be seen: needs_input_grad is true of them all the same
        vectors = c.anchor.detach(), c.prototype.detach()
    return _PixelToSegment.apply(*vectors, c.own, c.group, c.positive, float(concentration))


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
        concentration: float,
    ) -> torch.Tensor:
        exact = torch.promote_types(torch.promote_types(anchor.dtype, prototype.dtype), torch.float32)
        dtypes = anchor.dtype, prototype.dtype
        anchor, prototype = anchor.detach().to(exact), prototype.detach().to(exact)
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        grads = (torch.empty_like(anchor), torch.zeros_like(prototype)) if wanted else None
        total = anchor.new_zeros((), dtype=torch.float64 if anchor.device.type == "cpu" else exact)
        rows = max(16, CHUNK_ELEMENTS.get(anchor.device.type, 1 << 22) // max(1, len(prototype)))
        with torch.autocast(anchor.device.type, enabled=False):
            for chunk in torch.arange(len(anchor), device=anchor.device).split(rows):
                v = anchor[chunk] * concentration
                total += _chunk(v, prototype, own[chunk], group[chunk], positive, concentration, chunk, grads)
        if grads is not None:
            ctx.save_for_backward(*(g.mul_(1 / len(anchor)).to(t) for g, t in zip(grads, dtypes, strict=True)))
        return (total / len(anchor)).to(exact)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        grad_anchor, grad_prototype = ctx.saved_tensors
        return (grad * grad_anchor).to(grad_anchor), (grad * grad_prototype).to(grad_prototype), None, None, None, None


def _chunk(
    v: torch.Tensor,
    prototype: torch.Tensor,
    own: torch.Tensor,
    group: torch.Tensor,
    positive: torch.Tensor,
    concentration: float,
    index: torch.Tensor,
    grads: tuple[torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """Summed loss of the anchors v [B, C] (scaled by κ); adds their gradients to `grads` where given."""
    similarity = v @ prototype.T  # [B, S]
    is_positive = positive[group]  # [B, S]
    numerator = is_positive.scatter(1, own[:, None], False)
    numerator.scatter_(1, own[:, None], ~numerator.any(1, keepdim=True))
    negative_share, log_negative = _softmax_over(similarity.masked_fill(is_positive, MASKED))
    numerator_share, log_numerator = _softmax_over(similarity.masked_fill_(numerator.logical_not_(), MASKED))
    margin = log_negative - log_numerator
    if grads is not None:
        sigma = margin.sigmoid()[:, None]
        pull = negative_share.sub_(numerator_share)
        grads[0][index] = (pull @ prototype).mul_(sigma * concentration)
        grads[1].addmm_(pull.T, v * sigma)
    return F.softplus(margin).sum()


def _softmax_over(similarity: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Soft-max and log-sum-exp of each row: [B, S] → [B, S], [B]."""
    share = similarity.softmax(1)
    return share, similarity.amax(1) - share.amax(1).log()
