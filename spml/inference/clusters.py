"""Segments of an image at inference: clusters of embedding and location, without labels."""

import torch

from spml.config import Config
from spml.data.labels import VOID
from spml.inference.tiles import Place
from spml.inference.windows import Size
from spml.models.local_features import location_features
from spml.segments.directions import mean_directions
from spml.segments.segment import Segments, segment_batch


def segment_image(embedding: torch.Tensor, size: Size, config: Config) -> Segments:
    """Segments of an embedding map [C, H, W] whose upper left corner `size` is the image; the rest is dropped.

    Grid and locations are laid over the whole map. Returns Segments of size[0]·size[1] pixels.
    """
    return segment_place(embedding, (slice(0, size[0]), slice(0, size[1])), config)


def segment_place(embedding: torch.Tensor, place: Place, config: Config) -> Segments:
    """Segments of a place of an embedding map [C, H, W], row by row; the rest is dropped.

    Grid and locations are laid over the whole map.
    """
    label = torch.full(embedding.shape[1:], VOID, device=embedding.device)
    label[place] = 0
    return segment_labelled(embedding, label, torch.zeros_like(label), config)


def segment_labelled(
    embedding: torch.Tensor, semantic: torch.Tensor, instance: torch.Tensor, config: Config
) -> Segments:
    """Segments of an embedding map [C, H, W], split by the labels [H, W]; void pixels are dropped."""
    network = config.network
    _, height, width = embedding.shape
    location = location_features(height, width, embedding.device)
    return segment_batch(
        embedding[None],
        location[None],
        semantic[None],
        instance[None],
        network.kmeans_num_clusters,
        network.kmeans_iterations,
        network.label_divisor,
    )


def unit_prototypes(segments: Segments) -> torch.Tensor:
    """Prototypes of the segments in the embedding's own space: [S, C]."""
    return mean_directions(segments.embedding, segments.segment, segments.num_segments)
