"""Spherical (von Mises–Fisher) k-means from a grid of initial clusters (paper, section 3.1; SegSort, section 3.2)."""

import torch

from spml.segments.directions import mean_directions
from spml.segments.nearest import kmeans_by_bounds, nearest_prototype

WORTH_BOUNDS = 1 << 20  # similarities an iteration: below, the plain formula is as fast


def initial_clusters(
    height: int, width: int, rows: int, columns: int, device: torch.device | str | None = None
) -> torch.Tensor:
    """Grid of rows×columns clusters over an H×W map: contiguous ids H×W, counted down each column of cells."""
    # Laid on the CPU: halves must round alike wherever the embedding lies.
    y = torch.linspace(0, rows - 1, height, device="cpu").round().long()
    x = torch.linspace(0, columns - 1, width, device="cpu").round().long()
    ids = y[:, None] + rows * x[None]
    return torch.unique(ids, return_inverse=True)[1].to(device)


def spherical_kmeans(x: torch.Tensor, cluster: torch.Tensor, num_clusters: int, iterations: int) -> torch.Tensor:
    """Refine clusters by `iterations` of prototype = normalise(sum of members), cluster = most similar prototype.

    x: [P, D] unit vectors; cluster: [P] initial ids < num_clusters. A cluster without members keeps a zero prototype,
    which takes part in the comparison. Returns [P] ids. Large ones on a CPU by `kmeans_by_bounds`.
    """
    if x.device.type == "cpu" and len(x) * num_clusters >= WORTH_BOUNDS:
        return kmeans_by_bounds(x, cluster, num_clusters, iterations)
    for _ in range(iterations if len(x) else 0):
        prototypes = mean_directions(x, cluster, num_clusters)
        cluster = nearest_prototype(x, prototypes)
    return cluster
