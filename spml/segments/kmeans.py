"""Spherical (von Mises–Fisher) k-means from a grid of initial clusters (paper, section 3.1; SegSort, section 3.2)."""

import torch

from spml.segments.prototypes import sum_by_index


def initial_clusters(height, width, rows, columns, device=None):
    """Grid of rows×columns clusters over an H×W map: contiguous ids H×W, counted down each column of cells."""
    # Laid on the CPU: halves must round alike wherever the embedding lies.
    y = torch.linspace(0, rows - 1, height, device="cpu").round().long()
    x = torch.linspace(0, columns - 1, width, device="cpu").round().long()
    ids = y[:, None] + rows * x[None]
    return torch.unique(ids, return_inverse=True)[1].to(device)


def spherical_kmeans(x, cluster, num_clusters, iterations):
    """Refine clusters by `iterations` of prototype = normalise(sum of members), cluster = most similar prototype.

    x: [P, D] unit vectors; cluster: [P] initial ids < num_clusters. A cluster without members keeps a zero prototype,
    which takes part in the comparison. Returns [P] ids.
    """
    for _ in range(iterations if len(x) else 0):
        prototypes = torch.nn.functional.normalize(sum_by_index(x, cluster, num_clusters), dim=1, eps=1e-12)
        cluster = nearest_prototype(x, prototypes)
    return cluster


def nearest_prototype(x, prototypes, max_elements=1 << 24):
    """Index of the most similar prototype for each row of x, in chunks: [P, D], [K, D] → [P]."""
    rows = max(1, max_elements // max(1, len(prototypes)))
    return torch.cat([(chunk @ prototypes.T).argmax(1) for chunk in x.split(rows)])
