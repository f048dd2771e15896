"""Mean directions of the members of clusters and segments (paper, equation 2)."""

import torch
from torch.nn import functional as F


def mean_directions(x: torch.Tensor, index: torch.Tensor, size: int) -> torch.Tensor:
    """normalise(sum of the rows of x that share an index): [P, D], [P] → [size, D]; one without members stays zero."""
    return F.normalize(x.new_zeros(size, x.shape[1]).index_add(0, index, x), dim=1, eps=1e-12)
