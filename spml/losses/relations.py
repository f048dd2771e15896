"""The four relations: which segments are positive for a pixel (paper, section 3.2).

A further relation is a function here and its line in `RELATIONS`; its three keys stand in spml/config/default.yaml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch

from spml.losses.contrastive import Contrast, contrastive_loss
from spml.segments.directions import mean_directions
from spml.segments.prototypes import Prototypes
from spml.segments.segment import LARGEST_REGION, Segments

AFFINITY_THRESHOLD = 0.95
ACCURACY_NEIGHBOURS = 5
REGIONS = LARGEST_REGION + 1


@dataclass(frozen=True)
class RelationSettings:
    """What a relation is told: its concentration κ, the number of classes K, and which features similarity takes.

    plain_image_similarity: whether low-level similarity is taken in v rather than v⁺.
    """

    concentration: float
    num_classes: int
    plain_image_similarity: bool = False


def semantic_annotation(
    segments: Segments, prototypes: Prototypes, num_classes: int, concentration: float
) -> torch.Tensor:
    """Labelled pixels against labelled segments; positive = equal class.

    prototypes: those of all segments, the pixels' own ones in the places that `segments.segment` names.
    """
    labelled = (segments.semantic < num_classes).nonzero()[:, 0]
    is_known = prototypes.semantic < num_classes
    known, place = is_known.nonzero()[:, 0], is_known.cumsum(0) - 1
    contrast = Contrast(
        anchor=segments.embedding[labelled],
        prototype=prototypes.embedding[known],
        own=place[segments.segment[labelled]],
        group=segments.semantic[labelled],
        positive=torch.eye(num_classes, dtype=torch.bool, device=known.device),
        key=prototypes.semantic[known],
    )
    return contrastive_loss(contrast, concentration)


def semantic_cooccurrence(
    segments: Segments, prototypes: Prototypes, tags: torch.Tensor, concentration: float
) -> torch.Tensor:
    """All pixels against all segments; positive = the tag sets of their images intersect. tags: [N, K] bool."""
    positive = intersect(tags, prototypes.tags)
    contrast = Contrast(segments.embedding, prototypes.embedding, segments.segment, segments.image, positive)
    return contrastive_loss(contrast, concentration)


def image_similarity(segments: Segments, concentration: float, plain: bool = False) -> torch.Tensor:
    """Each image by itself, then the mean over images; positive = equal region of the over-segmentation.

    Segments are the (region, segment) pairs of the image, their prototypes taken anew from its pixels. Features are v⁺,
    or v where `plain`.
    """
    features = segments.embedding if plain else segments.embedding_local
    # Segments lie image by image, so pairs numbered by segment first and regions by image first do too.
    pairs, own = torch.unique(segments.segment * REGIONS + segments.instance, return_inverse=True)
    prototypes = mean_directions(features, own, len(pairs))
    regions, group = torch.unique(segments.image * REGIONS + segments.instance, return_inverse=True)
    first = torch.full_like(pairs, len(own)).scatter_reduce(0, own, torch.arange(len(own), device=own.device), "amin")
    key = group[first]  # of each pair its region, which is one image's
    starts = _starts_of_images(segments.num_images, segments.image, segments.image[first], regions // REGIONS)
    losses = []
    for (pixel, pair, region), (pixel_end, pair_end, region_end) in pairwise(starts):
        here, there = slice(pixel, pixel_end), slice(pair, pair_end)
        same = torch.eye(region_end - region, dtype=torch.bool, device=own.device)
        vectors = features[here], prototypes[there]
        contrast = Contrast(*vectors, own[here] - pair, group[here] - region, same, key[there] - region)
        losses.append(contrastive_loss(contrast, concentration))
    return torch.stack(losses).mean()


def _starts_of_images(num_images: int, *images: torch.Tensor) -> list[list[int]]:
    """Where each image begins in ascending lists of images, and the end: num_images + 1 rows of places."""
    number = torch.arange(num_images + 1, device=images[0].device)
    return torch.stack([torch.searchsorted(each.contiguous(), number) for each in images], 1).tolist()


def feature_affinity(
    segments: Segments, prototypes: Prototypes, num_classes: int, concentration: float
) -> torch.Tensor:
    """All pixels against all segments; positive = the class sets propagated to their segments intersect."""
    sets = nearest_classes(
        prototypes.embedding_local, prototypes.semantic, prototypes.image, num_classes, 1, AFFINITY_THRESHOLD
    )
    sets = sets | ~sets.any(1, keepdim=True)
    distinct, of_segment = torch.unique(sets, dim=0, return_inverse=True)
    group = of_segment[segments.segment]
    positive = intersect(distinct, distinct)
    contrast = Contrast(segments.embedding, prototypes.embedding, segments.segment, group, positive, of_segment)
    return contrastive_loss(contrast, concentration)


def nearest_classes(
    prototype: torch.Tensor,
    semantic: torch.Tensor,
    image: torch.Tensor,
    num_classes: int,
    top_k: int,
    threshold: float,
) -> torch.Tensor:
    """The classes of the `top_k` nearest labelled segments of the same image whose cosine reaches `threshold`.

    prototype: [S, D] unit vectors; semantic, image: [S]. Returns [S, num_classes] bool, all False where there is none.
    """
    # A last column takes the classes of those that are too far, or of no class.
    sets = torch.zeros(len(prototype), num_classes + 1, dtype=torch.bool, device=prototype.device)
    prototype, unlabelled = prototype.detach(), semantic >= num_classes
    order = image.argsort(stable=True)
    counts = torch.unique_consecutive(image[order], return_counts=True)[1].tolist()
    for here in order.split(counts):
        cosine = (prototype[here] @ prototype[here].T).masked_fill_(unlabelled[here], -torch.inf)
        cosine, nearest = cosine.topk(min(top_k, len(here)), dim=1)
        near = torch.where(cosine >= threshold, semantic[here][nearest], num_classes)
        sets[here] = sets[here].scatter(1, near, True)
    return sets[:, :num_classes]


def intersect(sets: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Which sets share an element: [A, K] bool, [B, K] bool → [A, B] bool."""
    return (sets.float() @ others.float().T) > 0


def neighbour_accuracy(prototypes: Prototypes, top_k: int = ACCURACY_NEIGHBOURS) -> torch.Tensor:
    """Mean share of the nearest segments, itself among them, that have a segment's own semantic label."""
    if not len(prototypes):
        return prototypes.embedding.new_zeros(())
    with torch.no_grad():
        u, label = prototypes.embedding.detach(), prototypes.semantic
        shares = []
        for rows in torch.arange(len(u), device=u.device).split(max(1, (1 << 24) // len(u))):
            nearest = (u[rows] @ u.T).topk(min(top_k, len(u)), dim=1).indices
            shares.append((label[nearest] == label[rows, None]).float().mean(1))
        return torch.cat(shares).mean()


# name → segments of this process, all prototypes, tags [N, K] of this process's images, settings → unweighted loss.
# The name gives a relation its keys: train.{name}_loss_types, train.{name}_concentration, train.{name}_loss_weight.
RELATIONS: dict[str, Callable[[Segments, Prototypes, torch.Tensor, RelationSettings], torch.Tensor]] = {
    "sem_ann": lambda s, p, _, o: semantic_annotation(s, p, o.num_classes, o.concentration),
    "sem_occ": lambda s, p, tags, o: semantic_cooccurrence(s, p, tags, o.concentration),
    "img_sim": lambda s, _, __, o: image_similarity(s, o.concentration, o.plain_image_similarity),
    "feat_aff": lambda s, p, _, o: feature_affinity(s, p, o.num_classes, o.concentration),
}
