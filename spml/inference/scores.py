"""Class scores of an image, K×h×w: by retrieval or by soft-max, at one scale or over a pyramid."""

from collections.abc import Sequence

import numpy as np
import torch

from spml.config import Config
from spml.data.transforms import longest_side_size, resize_image
from spml.inference.clusters import segment_image, unit_prototypes
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.retrieval import class_shares, nearest_labels
from spml.inference.windows import Size

PYRAMID = (0.5, 0.75, 1, 1.25, 1.5)
ONE_SCALE = [1]  # what published configurations write, whose pyramids stood in the scripts


def pyramid_scales(config: Config, published: Sequence[float]) -> Sequence[float]:
    """The scales of a script that takes several: `test.scales`, or the published ones where that is [1]."""
    return published if list(config.test.scales) == ONE_SCALE else config.test.scales


def resized_image(image: InputImage, config: Config) -> np.ndarray:
    """The image in 0..1, its longer side scaled to `test.image_size`."""
    pixels = image.unit_range()
    size = longest_side_size(image.size, config.test.image_size)
    return pixels if size == image.size else resize_image(pixels, size)


def find_prototypes(networks: Networks, embedding: torch.Tensor, size: Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Cluster an embedding map [C, ·, ·] into segments: their prototypes [S, C] and each pixel's segment, `size`."""
    segments = segment_image(embedding, size, networks.config)
    return unit_prototypes(segments), segments.segment.view(size)


def vote(networks: Networks, prototypes: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Shares of the classes among the nearest of each prototype, in one pass over the gallery: [S, C] each → [S, K]."""
    labels = nearest_labels(torch.cat(list(prototypes)), networks.gallery)
    return class_shares(labels, networks.config.dataset.num_classes).split([len(each) for each in prototypes])


def retrieval(networks: Networks, image: InputImage) -> torch.Tensor:
    """Scores by retrieval at `test.image_size`; grid and locations span the padded image."""
    return retrieval_once(networks, resized_image(image, networks.config))


def retrieval_once(networks: Networks, pixels: np.ndarray) -> torch.Tensor:
    """Scores by retrieval of an image [H, W, 3] in 0..1 as it is: K×H×W; grid and locations span the padded image."""
    ((view, embeddings),) = networks.look(pixels, ONE_SCALE, flips=False)
    prototypes, segment = find_prototypes(networks, networks.unit_embedding(view, embeddings), view.size)
    (shares,) = vote(networks, [prototypes])
    return shares.T[:, segment]


def retrieval_pyramid(networks: Networks, image: InputImage, published: Sequence[float] = PYRAMID) -> torch.Tensor:
    """Scores by retrieval averaged over scales and flips; grid and locations span the image alone.

    published: the scales where `test.scales` names none. The segments of all views vote at once.
    """
    views, prototypes, segments = [], [], []
    for view, embeddings in networks.look(image.unit_range(), pyramid_scales(networks.config, published)):
        embedding = networks.unit_embedding(view, embeddings)[:, : view.size[0], : view.size[1]]
        found, segment = find_prototypes(networks, embedding, view.size)
        views.append(view)
        prototypes.append(found)
        segments.append(segment)
    total = torch.zeros(())
    for view, segment, shares in zip(views, segments, vote(networks, prototypes), strict=True):
        total = total + networks.class_maps(view, shares.T[:, segment], image.size)
    return total / len(views)


def softmax(networks: Networks, image: InputImage, flips: bool = False) -> torch.Tensor:
    """Soft-max of the classifier's logits at `test.image_size`; flips: averaged with that of the mirror image."""
    pixels = resized_image(image, networks.config)
    height, width = pixels.shape[:2]
    return softmax_views(networks, pixels, ONE_SCALE, flips, (height, width))


def softmax_pyramid(networks: Networks, image: InputImage) -> torch.Tensor:
    """Soft-max of logits at the image's size, averaged over `test.scales` (by default the published five) and flips."""
    return softmax_views(networks, image.unit_range(), pyramid_scales(networks.config, PYRAMID), True, image.size)


def softmax_views(
    networks: Networks, pixels: np.ndarray, scales: Sequence[float], flips: bool, size: Size
) -> torch.Tensor:
    """Soft-max of the logits of an image [H, W, 3] in 0..1, brought to `size` and averaged over views: K×size."""
    total, count = torch.zeros(()), 0
    for view, embeddings in networks.look(pixels, scales, flips):
        total = total + networks.class_maps(view, networks.logits(view, embeddings), size).softmax(0)
        count += 1
    return total / count
