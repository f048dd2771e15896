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


def nearest_labels(query, embedding, label, neighbours):
    """Labels of the nearest rows, by sorting all similarities: [S, C], [M, C], [M] → [S, neighbours]."""
    return label[(query @ embedding.T).sort(1, descending=True).indices[:, :neighbours]]


def random_walk(scores, embedding, sharpness, power, doublings):
    """Scores [K, h, w] times the transition matrix of an embedding [C, h, w] to the 2^doublings-th power."""
    e = normalize(embedding.flatten(1), dim=0)
    transition = torch.exp(sharpness * (e.T @ e) - sharpness) ** power
    transition = transition / transition.sum(0, keepdim=True)
    for _ in range(doublings):
        transition = transition @ transition
    return (scores.flatten(1) @ transition).view_as(scores)


def majority_label(label, segment, num_segments):
    """The most frequent label in each segment, one segment after the other: [P], [P] → [S]."""
    return torch.stack([label[segment == s].bincount().argmax() for s in range(num_segments)])
