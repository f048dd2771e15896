"""Segments → Prototypes: the mean direction of each segment with its labels (paper, equation 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch

from spml.segments.directions import mean_directions
from spml.segments.segment import Segments


@dataclass
class Prototypes:
    """S segment prototypes.

    embedding: [S, C] unit vectors u; embedding_local: [S, C + F] unit vectors u⁺; semantic, instance, image: [S];
    tags: [S, K] bool, the tag set of the segment's image (column 0, background, is False).
    """

    embedding: torch.Tensor
    embedding_local: torch.Tensor
    semantic: torch.Tensor
    instance: torch.Tensor
    image: torch.Tensor
    tags: torch.Tensor

    def __len__(self) -> int:
        return len(self.embedding)

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> Prototypes:
        """Prototypes with `function` applied to each tensor."""
        return Prototypes(*(function(getattr(self, f.name)) for f in fields(self)))

    def detach(self) -> Prototypes:
        """The same without gradients."""
        return self.map(torch.Tensor.detach)

    @staticmethod
    def cat(parts: Sequence[Prototypes]) -> Prototypes:
        """Several Prototypes in a row."""
        return Prototypes(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Prototypes)))


def prototypes_of(segments: Segments, tags: torch.Tensor) -> Prototypes:
    """Prototypes of Segments; tags: [N, K] bool tag sets of the batch's images. Gradients flow to the pixels."""
    count = segments.num_segments
    first = torch.full((count,), len(segments.segment), device=segments.segment.device)
    order = torch.arange(len(segments.segment), device=first.device)
    first = first.scatter_reduce(0, segments.segment, order, "amin")
    image = segments.image[first]
    return Prototypes(
        mean_directions(segments.embedding, segments.segment, count),
        mean_directions(segments.embedding_local, segments.segment, count),
        segments.semantic[first],
        segments.instance[first],
        image,
        tags[image],
    )


def majority_label(
    labels: torch.Tensor, segment: torch.Tensor, num_segments: int, num_labels: int = 256
) -> torch.Tensor:
    """Most frequent label of each segment, ties to the smallest: [P], [P] → [S]."""
    counts = torch.bincount(segment * num_labels + labels, minlength=num_segments * num_labels)
    return counts.view(num_segments, num_labels).argmax(1)
