"""The plain formulas that every step is measured against: as the paper writes them, in full matrices."""

import torch
from torch.nn import functional as F
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


def segments_of_image(v_local, semantic, instance, initial, divisor):
    """Pixels that are not void, and the segment of each: [H·W, D], [H·W] → places [P], ids [P] from 0."""
    place = (semantic != 255).nonzero()[:, 0]
    cluster = kmeans(v_local[place], initial[place], int(initial.max()) + 1, 10)
    key = cluster * 256 * divisor + semantic[place] * divisor + instance[place]
    return place, key.unique(return_inverse=True)[1]


def means(x, index):
    """Mean directions of the rows that share an index."""
    return normalize(x.new_zeros(int(index.max()) + 1, x.shape[1]).index_add(0, index, x), dim=1)


def first_of(values, index):
    """The value of the first row of each index."""
    return torch.stack([values[(index == i).nonzero()[0, 0]] for i in range(int(index.max()) + 1)])


def image_similarity(x, segment, region, concentration):
    """Loss of one image; positive = equal region."""
    pairs, own = torch.unique(torch.stack([region, segment]), dim=1, return_inverse=True)
    return contrastive_loss(x, means(x, own), own, region[:, None] == pairs[0], concentration)


def iteration_loss(task, batch, initial):
    """The weighted losses of a batch by the formulas as they stand, image by image; no memory of former batches."""
    config, weight, classes = task.train_config, task.objective.weight, task.num_classes
    embedding = task.embedding_model(batch.image)
    logits = task.prediction_model(embedding.detach())
    size, (n, dim) = embedding.shape[-2:], embedding.shape[:2]
    logits = F.interpolate(logits, batch.semantic.shape[-2:], mode="bilinear", align_corners=False)
    target = torch.where(batch.semantic < classes, batch.semantic, -100)
    losses = {"sem_ann": F.cross_entropy(logits, target, ignore_index=-100)}
    v = normalize(embedding.permute(0, 2, 3, 1).reshape(n, -1, dim), dim=-1)
    local = task.embedding_model.local_features(batch.image, size).reshape(n, v.shape[1], -1)
    v_local = normalize(torch.cat([v, local], -1), dim=-1)
    semantic, instance = (F.interpolate(x[:, None].float(), size)[:, 0].long().flatten(1)
                          for x in (batch.semantic, batch.instance))  # fmt: skip
    parts, count, similar = [], 0, []
    for i in range(n):
        with torch.no_grad():
            place, segment = segments_of_image(
                v_local[i], semantic[i], instance[i], initial, task.network.label_divisor
            )
        similar.append(image_similarity(v_local[i, place], segment, instance[i, place], config.img_sim_concentration))
        parts.append((v[i, place], segment + count, semantic[i, place], torch.full_like(place, i)))
        count += int(segment.max()) + 1
    x, segment, label, image = (torch.cat(column) for column in zip(*parts, strict=True))
    u, label_of, image_of = means(x, segment), first_of(label, segment), first_of(image, segment)
    positive = (batch.tags.float() @ batch.tags.float().T > 0)[image][:, image_of]
    losses["sem_occ"] = contrastive_loss(x, u, segment, positive, config.sem_occ_concentration)
    losses["img_sim"] = torch.stack(similar).mean()
    pixels, known = label < classes, label_of < classes
    own = (known.cumsum(0) - 1)[segment[pixels]]
    same = label[pixels][:, None] == label_of[known]
    losses["sem_ann"] += contrastive_loss(x[pixels], u[known], own, same, config.sem_ann_concentration)
    return sum(weight[name] * loss for name, loss in losses.items())
