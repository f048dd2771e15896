"""Segment prototypes of an image with the majority label of their pixels, to be remembered."""

from dataclasses import dataclass

import numpy as np
import torch

from spml.data.transforms import resize_label
from spml.inference.clusters import segment_image, unit_prototypes
from spml.inference.scores import resized_image, unit_range
from spml.segments.prototypes import majority_label


@dataclass(frozen=True)
class ImagePrototypes:
    """prototype: [S, C] unit vectors; label: [S], ties to the smallest; segment: [h, w] ids at the last scale."""

    prototype: np.ndarray
    label: np.ndarray
    segment: np.ndarray


def view_prototypes(model, item, view, embeddings):
    """Prototypes of one view; grid and locations span the padded canvas."""
    segments = segment_image(model.unit_embedding(view, embeddings), view.size, model.config)
    label = torch.from_numpy(resize_label(item.label, view.size)).to(model.device).long().flatten()
    majority = majority_label(label, segments.segment, segments.num_segments)
    arrays = unit_prototypes(segments), majority, segments.segment.view(view.size).int()
    return ImagePrototypes(*(array.cpu().numpy() for array in arrays))


def image_prototypes(model, item, scales=None):
    """Prototypes of the segments at each scale of the image as it is; None: at `test.image_size`."""
    image = resized_image(item, model.config) if scales is None else unit_range(item.pixels)
    looks = model.look(image, [1] if scales is None else scales, flips=False)
    found = [view_prototypes(model, item, view, embeddings) for view, embeddings in looks]
    prototype, label = (np.concatenate([getattr(f, name) for f in found]) for name in ("prototype", "label"))
    return ImagePrototypes(prototype, label, found[-1].segment)
