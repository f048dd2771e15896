"""Spherical k-means on a CPU: the labels of the plain formula by fewer passes over pixels and similarities.

Two things are spared: the index of a largest similarity where the own cluster has it, which takes five times as long
as the largest itself, and the similarities of pixels that cannot change (Hamerly's bounds, on the sphere: a prototype
that moved by δ changes a similarity by at most δ).
Sums are taken anew each time: moved along, they would round otherwise than the plain formula's, and labels drift apart.
Measured by `python benchmarks/run.py --only k-means`.
"""

import torch

from spml.segments.directions import mean_directions

SIMILARITIES_HELD = 1 << 20  # similarities held at a time: 4 MB stay in a processor's cache
BOUND_ROUNDING = 1e-5  # bounds that are nearer than this decide nothing
SETTLED = 0.2  # of the pixels: where more changed, indices of all are as fast, and bounds would decide nothing
MOST = 0.8  # of the pixels: where more may change, all are looked at, which spares a copy


def nearest_prototype(x: torch.Tensor, prototypes: torch.Tensor, max_elements: int = 1 << 24) -> torch.Tensor:
    """Index of the most similar prototype for each row of x, in chunks: [P, D], [K, D] → [P]."""
    rows = max(1, max_elements // max(1, len(prototypes)))
    return torch.cat([(chunk @ prototypes.T).argmax(1) for chunk in x.split(rows)])


def kmeans_by_bounds(x: torch.Tensor, cluster: torch.Tensor, num_clusters: int, iterations: int) -> torch.Tensor:
    """What `spherical_kmeans` gives, of which it is the form for a CPU: [P, D] unit rows, [P] → [P]."""
    clusters, prototypes, changed = _Clusters(x, cluster), None, len(x)
    for _ in range(iterations if len(x) else 0):
        before, prototypes = prototypes, mean_directions(x, clusters.label, num_clusters)
        if changed > SETTLED * len(x):
            changed = clusters.assign_by_index(prototypes)
        else:
            changed = clusters.assign(prototypes, clusters.contested(prototypes, before))
        if not changed:
            break
    return clusters.label


class _Clusters:
    """Pixels and their clusters, with bounds on the own similarity, from below, and on the best other one, from above.

    Both are exact where a pixel was looked at last, and unknown (None) before all were.
    """

    def __init__(self, x: torch.Tensor, label: torch.Tensor) -> None:
        self.x, self.label = x, label.clone()
        self.bounds: torch.Tensor | None = None

    def contested(self, prototypes: torch.Tensor, before: torch.Tensor | None) -> torch.Tensor | None:
        """The pixels whose cluster may change now that prototypes have moved; None: all."""
        if before is None or self.bounds is None:
            return None
        own, other = self.bounds
        moved = (prototypes - before).norm(dim=1)
        own -= moved[self.label]
        other += moved.max()
        rows = (own < other + BOUND_ROUNDING).nonzero()[:, 0]
        return None if len(rows) > MOST * len(self.x) else rows

    def assign_by_index(self, prototypes: torch.Tensor) -> int:
        """Give all pixels the cluster of their most similar prototype; returns how many change. Bounds are lost."""
        before, self.bounds = self.label, None
        self.label = nearest_prototype(self.x, prototypes, SIMILARITIES_HELD)
        return int((self.label != before).sum())

    def assign(self, prototypes: torch.Tensor, rows: torch.Tensor | None) -> int:
        """The same for these rows (None: all), with bounds."""
        each = max(1, SIMILARITIES_HELD // len(prototypes))
        if self.bounds is None:
            self.bounds = self.x.new_empty(2, len(self.x))
        if rows is None:
            return sum(self._assign(prototypes, slice(i, i + each)) for i in range(0, len(self.x), each))
        return sum(self._assign(prototypes, part) for part in rows.split(each))

    def _assign(self, prototypes: torch.Tensor, part: slice | torch.Tensor) -> int:
        assert self.bounds is not None
        label = self.label[part]
        x = self.x[part] if isinstance(part, slice) else self.x.index_select(0, part)
        similarity = x @ prototypes.T
        own = similarity.gather(1, label[:, None])
        other = similarity.scatter_(1, label[:, None], -torch.inf).amax(1)
        lost = (other >= own[:, 0]).nonzero()[:, 0]  # equal ones too, of which the first counts
        changed = 0
        if len(lost):
            rest = similarity.index_select(0, lost).scatter_(1, label[lost, None], own[lost])
            new = rest.argmax(1, keepdim=True)
            changed = int((new[:, 0] != label[lost]).sum())
            self.label[part] = label.index_put((lost,), new[:, 0])
            own = own.index_put((lost,), rest.gather(1, new))
            other[lost] = rest.scatter_(1, new, -torch.inf).amax(1)
        self.bounds[0, part], self.bounds[1, part] = own[:, 0], other
        return changed
