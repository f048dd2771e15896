"""The four relations: which segments are positive for a pixel (paper, section 3.2)."""

import torch

from spml.losses.contrastive import Contrast, contrastive_loss
from spml.segments.prototypes import segment_prototypes

AFFINITY_THRESHOLD = 0.95
ACCURACY_NEIGHBOURS = 5


def semantic_annotation(segments, prototypes, num_classes, concentration):
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


def semantic_cooccurrence(segments, prototypes, tags, concentration):
    """All pixels against all segments; positive = the tag sets of their images intersect. tags: [N, K] bool."""
    positive = intersect(tags, prototypes.tags)
    contrast = Contrast(segments.embedding, prototypes.embedding, segments.segment, segments.image, positive)
    return contrastive_loss(contrast, concentration)


def image_similarity(segments, concentration, plain=False):
    """Each image by itself, then the mean over images; positive = equal region of the over-segmentation.

    Segments are the (region, segment) pairs of the image, their prototypes taken anew from its pixels. Features are v⁺,
    or v where `plain`.
    """
    features = segments.embedding if plain else segments.embedding_local
    span = segments.num_segments + 1
    losses = [_regions_of(segments, features, i, span, concentration) for i in range(segments.num_images)]
    return torch.stack(losses).mean()


def _regions_of(segments, features, image, span, concentration):
    """Low-level similarity loss of one image; segment ids are below `span`."""
    here = segments.image == image
    x, region = features[here], segments.instance[here]
    key = region * span + segments.segment[here]
    pairs, own = torch.unique(key, return_inverse=True)
    pair_region = pairs // span
    regions, group = torch.unique(region, return_inverse=True)
    prototype = segment_prototypes(x, own, len(pairs))
    return contrastive_loss(Contrast(x, prototype, own, group, regions[:, None] == pair_region), concentration)


def feature_affinity(segments, prototypes, num_classes, concentration):
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


def nearest_classes(prototype, semantic, image, num_classes, top_k, threshold):
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


def intersect(sets, others):
    """Which sets share an element: [A, K] bool, [B, K] bool → [A, B] bool."""
    return (sets.float() @ others.float().T) > 0


def neighbour_accuracy(prototypes, top_k=ACCURACY_NEIGHBOURS):
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
