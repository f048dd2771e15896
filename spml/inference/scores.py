"""Class scores of an image, K×h×w: by retrieval or by soft-max, at one scale or over a pyramid."""

import numpy as np

from spml.data.transforms import longest_side_size, resize_image
from spml.inference.clusters import segment_image, unit_prototypes
from spml.inference.retrieval import class_shares, nearest_labels

PYRAMID = (0.5, 0.75, 1, 1.25, 1.5)


def unit_range(pixels):
    """8-bit pixels as float32 in 0..1."""
    return pixels.astype(np.float32) / 255


def resized_image(item, config):
    """The item's image in 0..1, its longer side scaled to `test.image_size`."""
    image = unit_range(item.pixels)
    size = longest_side_size(item.size, config.test.image_size)
    return image if size == item.size else resize_image(image, size)


def retrieval_scores(model, embedding, size):
    """Cluster an embedding map [C, ·, ·] into segments that each vote: scores K×size."""
    segments = segment_image(embedding, size, model.config)
    labels = nearest_labels(unit_prototypes(segments), model.memory)
    shares = class_shares(labels, model.config.dataset.num_classes)  # [S, K]
    return shares.T[:, segments.segment].view(-1, *size)


def retrieval(model, item):
    """Scores by retrieval at `test.image_size`; grid and locations span the padded image."""
    ((view, embeddings),) = model.look(resized_image(item, model.config), [1], flips=False)
    return retrieval_scores(model, model.unit_embedding(view, embeddings), view.size)


def retrieval_pyramid(model, item, scales=PYRAMID):
    """Scores by retrieval averaged over scales and flips; grid and locations span the image alone."""
    total, count = 0, 0
    for view, embeddings in model.look(unit_range(item.pixels), scales):
        embedding = model.unit_embedding(view, embeddings)[:, : view.size[0], : view.size[1]]
        total = total + model.class_maps(view, retrieval_scores(model, embedding, view.size), item.size)
        count += 1
    return total / count


def softmax(model, item):
    """Soft-max of the classifier's logits at `test.image_size`."""
    ((view, embeddings),) = model.look(resized_image(item, model.config), [1], flips=False)
    return model.class_maps(view, model.logits(view, embeddings)).softmax(0)


def softmax_pyramid(model, item, scales=PYRAMID):
    """Soft-max of logits at the image's size, averaged over scales and flips."""
    total, count = 0, 0
    for view, embeddings in model.look(unit_range(item.pixels), scales):
        total = total + model.class_maps(view, model.logits(view, embeddings), item.size).softmax(0)
        count += 1
    return total / count
