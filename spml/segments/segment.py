"""A batch of embeddings → Segments: each pixel with its features, labels, image and segment (paper, section 3.1)."""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from spml.data.labels import VOID
from spml.segments.kmeans import initial_clusters, spherical_kmeans

AFFINITY_EMBEDDING_WEIGHT = 0.1
LARGEST_REGION = 255  # of 8-bit label maps

logger = logging.getLogger(__name__)


@dataclass
class Segments:
    """The P pixels of a batch that are not void, in the order of image, row, column.

    embedding: [P, C] unit vectors v; embedding_local: [P, C + F] unit vectors v⁺; segment: [P] ids 0..S−1 in the order
    of image, cluster, label; semantic, instance: [P] labels; image: [P] index in the batch; place: [P] index in the
    image's flattened map; num_images: N.

    Where several processes train, `gather_segments` shifts the ids of each rank by the segments of those before it, to
    the rows of the gathered prototypes: from then on, ids do not begin at 0 on rank > 0 and `num_segments` is no count.
    """

    embedding: torch.Tensor
    embedding_local: torch.Tensor
    segment: torch.Tensor
    semantic: torch.Tensor
    instance: torch.Tensor
    image: torch.Tensor
    place: torch.Tensor
    num_images: int

    @property
    def num_segments(self) -> int:
        """S, the number of segments; one more than the largest id."""
        return int(self.segment.max()) + 1 if self.segment.numel() else 0


def unit_vectors(x: torch.Tensor) -> torch.Tensor:
    """Rows of x [..., C] scaled to unit length, the length clamped from below at 1e-12, in float32 or better."""
    return F.normalize(x if x.dtype == torch.float64 else x.float(), dim=-1, eps=1e-12)


def resize_labels(labels: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Nearest resize of integer label maps N×H×W to `size`: source index = floor(i · scale)."""
    return F.interpolate(labels[:, None].float(), size, mode="nearest")[:, 0].long()


def segment_ids(image: torch.Tensor, cluster: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Number the (image, cluster, label) triples that occur 0..S−1 in that order: [P] each → [P]."""
    if not len(image):
        return image
    triples = torch.stack([image, cluster, label])
    triples = triples - triples.amin(1, keepdim=True)
    _, clusters, labels = triples.amax(1) + 1
    key = (triples[0] * clusters + triples[1]) * labels + triples[2]
    return torch.unique(key, return_inverse=True)[1]


def segment_batch(
    embedding: torch.Tensor,
    local_features: torch.Tensor,
    semantic: torch.Tensor,
    instance: torch.Tensor,
    grid: Sequence[int],
    iterations: int,
    label_divisor: int,
    affinity_space: bool = False,
) -> Segments:
    """Cluster the pixels of each image and split the clusters by label.

    embedding: N×C×H×W, raw; local_features: N×H×W×F; semantic, instance: N×H×W at this resolution (void 255);
    grid: (rows, columns) of initial clusters; affinity_space: v⁺ becomes normalise([0.1 v, local features]) afterwards.
    Void pixels are dropped after the grid is laid. Warns, once a process, of regions that reach `label_divisor`.
    """
    v = unit_vectors(embedding.permute(0, 2, 3, 1))  # N×H×W×C
    v_local = unit_vectors(torch.cat([v, local_features], -1))
    keep = (semantic != VOID).flatten(1)
    # Every number that is fetched makes a GPU wait: where the pixels are, and how many an image has, are fetched once.
    pixel, counts = keep.flatten().nonzero()[:, 0], keep.sum(1).tolist()
    image, place = pixel // keep.shape[1], pixel % keep.shape[1]
    v, v_local, features = (x.flatten(0, 2)[pixel] for x in (v, v_local, local_features))
    semantic, instance = semantic.flatten()[pixel].long(), instance.flatten()[pixel].long()
    cluster = _cluster(v_local, place, counts, embedding.shape[-2:], grid, iterations)
    _warn_where_labels_meet(instance, label_divisor)
    segment = segment_ids(image, cluster, semantic * label_divisor + instance)
    if affinity_space:
        v_local = unit_vectors(torch.cat([AFFINITY_EMBEDDING_WEIGHT * v, features], -1))
    return Segments(v, v_local, segment, semantic, instance, image, place, len(keep))


@torch.no_grad()
def _cluster(
    v_local: torch.Tensor, place: torch.Tensor, counts: list[int], size: Sequence[int], grid: Sequence[int],
    iterations: int,
) -> torch.Tensor:  # fmt: skip
    """Cluster of each kept pixel, image by image: [P, D], [P], their number in each image → [P]."""
    initial, count = _grid(size[0], size[1], grid[0], grid[1], v_local.device)
    images = zip(v_local.split(counts), initial[place].split(counts), strict=True)
    return torch.cat([spherical_kmeans(x, cluster, count, iterations) for x, cluster in images])


@functools.lru_cache(maxsize=8)
def _grid(height: int, width: int, rows: int, columns: int, device: torch.device) -> tuple[torch.Tensor, int]:
    """Initial clusters [H·W] on a device, and their number; sent there once for all batches of a size."""
    initial = initial_clusters(height, width, rows, columns).flatten()
    return initial.to(device), int(initial.max()) + 1


def _warn_where_labels_meet(instance: torch.Tensor, label_divisor: int) -> None:
    # The largest region is fetched, which makes a GPU wait, only where it can reach the divisor.
    if label_divisor <= LARGEST_REGION and instance.numel() and int(instance.max()) >= label_divisor:
        _warn_of_divisor(label_divisor)


@functools.cache
def _warn_of_divisor(label_divisor: int) -> None:
    logger.warning(
        "network.label_divisor is %d and a region has this number or a larger one: regions of different classes fall "
        "into one segment; expected more than the largest region, such as 2048",
        label_divisor,
    )
