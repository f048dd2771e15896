"""Segment prototypes of an image with the majority label of their pixels, for a gallery (paper, section 3.4)."""

from collections.abc import Sequence

import numpy as np
import torch

from spml.data.transforms import resize_label
from spml.inference.clusters import segment_image, unit_prototypes
from spml.inference.gallery import LabelledPrototypes
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.scores import pyramid_scales, resized_image
from spml.inference.windows import View
from spml.segments.prototypes import majority_label

PROTOTYPE_PYRAMID = (0.5, 1, 1.5)


def view_prototypes(networks: Networks, image: InputImage, view: View, embeddings: torch.Tensor) -> LabelledPrototypes:
    """Prototypes of one view; grid and locations span the padded canvas."""
    segments = segment_image(networks.unit_embedding(view, embeddings), view.size, networks.config)
    label = torch.from_numpy(resize_label(image.weak_label, view.size)).to(networks.device).long().flatten()
    majority = majority_label(label, segments.segment, segments.num_segments)
    arrays = unit_prototypes(segments), majority, segments.segment.view(view.size).int()
    return LabelledPrototypes(*(array.cpu().numpy() for array in arrays))


def image_prototypes(
    networks: Networks, image: InputImage, scales: Sequence[float] | None = None
) -> LabelledPrototypes:
    """Prototypes of the segments at each scale of the image as it is; None: at `test.image_size`."""
    pixels = resized_image(image, networks.config) if scales is None else image.unit_range()
    looks = networks.look(pixels, [1] if scales is None else scales, flips=False)
    found = [view_prototypes(networks, image, view, embeddings) for view, embeddings in looks]
    prototype, label = (np.concatenate([getattr(f, name) for f in found]) for name in ("prototype", "label"))
    return LabelledPrototypes(prototype, label, found[-1].segment)


def prototype_pyramid(networks: Networks, image: InputImage) -> LabelledPrototypes:
    """Prototypes of the segments at the scales of `test.scales`, by default the published three."""
    return image_prototypes(networks, image, pyramid_scales(networks.config, PROTOTYPE_PYRAMID))
