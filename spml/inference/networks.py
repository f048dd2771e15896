"""What the trained networks say about an image, view by view."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from spml.config import Config
from spml.errors import UserError
from spml.inference.gallery import Gallery
from spml.inference.windows import Size, View, average_windows, embed_views, make_views, unit_length

Look = tuple[View, torch.Tensor]


@dataclass(eq=False, repr=False)
class Networks:
    """Networks in eval mode on one device, and the configuration they were trained with.

    embedding: image N×3×H×W → raw embeddings N×C×H/4×W/4; classifier: raw embeddings → logits, or None where the
    snapshot holds none; gallery: what retrieval retrieves from.
    """

    embedding: nn.Module
    classifier: nn.Module | None
    gallery: Gallery
    config: Config
    device: torch.device

    def __repr__(self) -> str:
        network, dataset = self.config.network, self.config.dataset
        head = "without" if self.classifier is None else "with"
        return (
            f"{type(self).__name__}({network.backbone_types}, {dataset.num_classes} classes, {head} a classifier, "
            f"{len(self.gallery)} prototypes, {self.device})"
        )

    def look(
        self, image: np.ndarray, scales: Sequence[float], flips: bool = True, whole: bool = False
    ) -> Iterator[Look]:
        """Views of an image [H, W, 3] in 0..1 with the raw stride-4 embeddings of their windows, as pairs."""
        return iter(self.look_at([image], scales, flips, whole)[0])

    def look_at(
        self, images: Sequence[np.ndarray], scales: Sequence[float], flips: bool = True, whole: bool = False
    ) -> list[list[Look]]:
        """The same of several images, whose windows of one size go through the network together."""
        views = [make_views(image, scales, self.config, flips, whole) for image in images]
        embeddings = iter(embed_views(self.embedding, [view for each in views for view in each], self.device))
        return [[(view, next(embeddings)) for view in each] for each in views]

    def unit_embedding(self, view: View, embeddings: torch.Tensor) -> torch.Tensor:
        """Embeddings over the canvas, unit length in each window before overlaps are averaged: C×canvas."""
        return average_windows(view, embeddings, unit_length)

    def raw_embedding(self, view: View, embeddings: torch.Tensor) -> torch.Tensor:
        """Raw embeddings over the canvas: C×canvas."""
        return average_windows(view, embeddings, lambda embedding: embedding)

    def class_maps(self, view: View, scores: torch.Tensor, size: Size | None = None) -> torch.Tensor:
        """Class scores or logits of a view, K×canvas, in the image's frame, sides changed back."""
        return view.class_maps(scores, self.config.dataset.mirror_classes, size)

    def logits(self, view: View, embeddings: torch.Tensor) -> torch.Tensor:
        """Class logits over the canvas: K×canvas; raises UserError where the snapshot holds no classifier.

        Of embeddings at full resolution, or brought there themselves (`test.classify`).
        """
        if self.classifier is None:
            raise UserError("the snapshot holds no classifier (prediction_model); retrieve from prototypes instead")
        if self.config.test.classify == "embedding":
            return average_windows(view, self.classifier(embeddings), lambda logits: logits)
        return average_windows(view, embeddings, self.classifier)
