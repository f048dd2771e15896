"""The plain formulas that every step is measured against: as the paper writes them, in full matrices."""

import torch
from torch.nn.functional import normalize, one_hot


def contrastive_loss(anchor, prototype, own, positive, concentration):
    """Equation 3, pixels × segments in full; positive: [P, S] bool."""
    similarity = (concentration * anchor @ prototype.T).exp()
    is_own = one_hot(own, len(prototype)).bool()
    others = (similarity * (positive & ~is_own)).sum(1)
    numerator = torch.where(others > 0, others, (similarity * is_own).sum(1))
    return -(numerator / (numerator + (similarity * ~positive).sum(1))).log().mean()


def kmeans(x, cluster, num_clusters, iterations):
    """Spherical k-means: x [P, D] unit rows, initial ids [P] → ids [P]."""
    for _ in range(iterations):
        sums = x.new_zeros(num_clusters, x.shape[1]).index_add(0, cluster, x)
        cluster = (x @ normalize(sums, dim=1, eps=1e-12).T).argmax(1)
    return cluster
