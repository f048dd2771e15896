"""Classes by nearest neighbours: each segment asks the prototypes of the training set (paper, section 3.4)."""

import torch
from torch.nn import functional as F

from spml.inference.gallery import Gallery

NEIGHBOURS = 20
MAX_SIMILARITIES = 1 << 24


def nearest_labels(query: torch.Tensor, gallery: Gallery, neighbours: int = NEIGHBOURS) -> torch.Tensor:
    """Labels of the `neighbours` most similar prototypes, nearest first: [S, C] → [S, min(neighbours, M)].

    Similarity is the dot product; at most MAX_SIMILARITIES of them are held at a time.
    """
    best = query.new_empty(len(query), 0)
    label = gallery.label.new_empty(len(query), 0)
    rows = max(neighbours, MAX_SIMILARITIES // max(1, len(query)))
    for embeddings, labels in zip(gallery.embedding.split(rows), gallery.label.split(rows), strict=True):
        best = torch.cat([best, query @ embeddings.T], 1)
        label = torch.cat([label, labels.expand(len(query), -1)], 1)
        best, order = best.topk(min(neighbours, best.shape[1]), 1)
        label = label.gather(1, order)
    return label


def class_shares(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Share of each class among a segment's neighbours: [S, k] → [S, K]; argmax is their vote, ties to the smallest."""
    return F.one_hot(labels, num_classes).sum(1) / labels.shape[1]
