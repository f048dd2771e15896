"""The four relations: which segments are positive for a pixel (paper, section 3.2).

A further relation is a function here and its line in `RELATIONS`; its three keys stand in spml/config/default.yaml.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from spml.losses.contrastive import Contrast, contrastive_loss
from spml.segments.prototypes import Prototypes, segment_prototypes
from spml.segments.segment import Segments

AFFINITY_THRESHOLD = 0.95
ACCURACY_NEIGHBOURS = 5


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
    labelled = segments.semantic < num_classes
    known = prototypes.semantic < num_classes
    place = known.cumsum(0) - 1
    label = prototypes.semantic[known]
    contrast = Contrast(
        anchor=segments.embedding[labelled],
        prototype=prototypes.embedding[known],
        own=place[segments.segment[labelled]],
        group=segments.semantic[labelled],
        positive=torch.arange(num_classes, device=label.device)[:, None] == label,
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
    span = segments.num_segments + 1
    losses = [_similarity_within(segments, features, i, span, concentration) for i in range(segments.num_images)]
    return torch.stack(losses).mean()


def _similarity_within(
    segments: Segments, features: torch.Tensor, image: int, span: int, concentration: float
) -> torch.Tensor:
    """Low-level similarity loss of one image; segment ids are below `span`."""
    here = segments.image == image
    x, region = features[here], segments.instance[here]
    key = region * span + segments.segment[here]
    pairs, own = torch.unique(key, return_inverse=True)
    pair_region = pairs // span
    regions, group = torch.unique(region, return_inverse=True)
    prototype = segment_prototypes(x, own, len(pairs))
    return contrastive_loss(Contrast(x, prototype, own, group, regions[:, None] == pair_region), concentration)


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
    positive = intersect(distinct, sets)
    contrast = Contrast(segments.embedding, prototypes.embedding, segments.segment, group, positive)
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
    sets = torch.zeros(len(prototype), num_classes, dtype=torch.bool, device=prototype.device)
    prototype = prototype.detach()
    for i in image.unique().tolist():
        here = (image == i).nonzero()[:, 0]
        labelled = here[semantic[here] < num_classes]
        if len(labelled):
            cosine = prototype[here] @ prototype[labelled].T
            cosine, nearest = cosine.topk(min(top_k, len(labelled)), dim=1)
            row, column = (cosine >= threshold).nonzero(as_tuple=True)
            sets[here[row], semantic[labelled[nearest[row, column]]]] = True
    return sets


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
