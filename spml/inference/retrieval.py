"""Classes by nearest neighbours: each segment asks the prototypes of the training set (paper, section 3.4)."""

import torch
from torch.nn import functional as F

from spml.inference.gallery import Gallery

NEIGHBOURS = 20
MAX_SIMILARITIES = {"cpu": 1 << 19, "cuda": 1 << 25}  # at a time; on the CPU they stay in its cache
GROUP = 32  # prototypes that are passed over together
MAX_QUERIES = 256  # whose candidates are compared together


def nearest_labels(query: torch.Tensor, gallery: Gallery, neighbours: int = NEIGHBOURS) -> torch.Tensor:
    """Labels of the `neighbours` most similar prototypes, nearest first: [S, C] → [S, min(neighbours, M)]."""
    return gallery.label[nearest(query, gallery.embedding, neighbours)]


def nearest(query: torch.Tensor, embedding: torch.Tensor, neighbours: int) -> torch.Tensor:
    """Indices of the most similar rows by dot product, nearest first: [S, C], [M, C] → [S, min(neighbours, M)].

    Rows of a shorter type than the queries are compared in that of the queries, to which few are brought at a time.
    Exact, in a fifth of the time of a top-k of all similarities: whatever is among the k nearest lies in one of
    the k groups with the largest maxima, since each of these holds a row that is at least as near.
    """
    groups = group_maxima(query, embedding).T.contiguous()  # [S, M / GROUP]
    chosen = groups.topk(min(neighbours, groups.shape[1]), 1).indices
    within = torch.arange(GROUP, device=query.device)
    found = []
    for some, their_groups in zip(query.split(MAX_QUERIES), chosen.split(MAX_QUERIES), strict=True):
        rows = (their_groups[:, :, None] * GROUP + within).flatten(1)  # [s, k · GROUP]
        there = rows < len(embedding)
        candidates = embedding[rows.clamp_max(len(embedding) - 1)].to(query.dtype)
        similarity = (candidates @ some[:, :, None]).squeeze(2).masked_fill_(~there, -torch.inf)
        best = similarity.topk(min(neighbours, len(embedding)), 1).indices
        found.append(rows.gather(1, best))
    return torch.cat(found)


def group_maxima(query: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
    """The largest similarity in each group of GROUP rows, the last one smaller: [S, C], [M, C] → [M / GROUP, S]."""
    count, whole = len(query), len(embedding) // GROUP * GROUP
    maxima = query.new_empty(-(-len(embedding) // GROUP), count)
    held = max(1, count, 0 if embedding.dtype == query.dtype else embedding.shape[1])  # numbers a row
    at_once = MAX_SIMILARITIES.get(query.device.type, MAX_SIMILARITIES["cpu"]) // held
    rows = max(GROUP, at_once // GROUP * GROUP)
    for start in range(0, whole, rows):
        some = embedding[start : min(start + rows, whole)].to(query.dtype)
        target = maxima[start // GROUP : (start + len(some)) // GROUP]
        torch.amax((some @ query.T).unflatten(0, (len(target), GROUP)), 1, out=target)
    if whole < len(embedding):
        maxima[-1] = (embedding[whole:].to(query.dtype) @ query.T).amax(0)
    return maxima


def class_shares(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Share of each class among a segment's neighbours: [S, k] → [S, K]; argmax is their vote, ties to the smallest."""
    return F.one_hot(labels, num_classes).sum(1) / labels.shape[1]
