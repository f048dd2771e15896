"""Image → embeddings: backbone, head, and local features."""

from collections.abc import Sequence
from typing import Any

import torch
from easydict import EasyDict
from torch import nn
from torch.nn import functional as F

from spml.models.backbones import BACKBONES, backbone_options, parse_backbone
from spml.models.base import init_weights
from spml.models.heads import HEADS
from spml.models.local_features import LocationColourFeatures, LocationFeatures


def resize(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bilinear resize of N×C×h×w to `size` (H, W), corners not aligned."""
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


class EmbeddingNetwork(nn.Module):
    """Normalised image N×3×H×W → raw embeddings N×C×h×w at stride 4 (paper, section 3).

    head, backbone: keys of HEADS and BACKBONES; dim: C; colour: whether the network carries the colour filter of its
    local features (`lfn`), used in DensePose training; options: what the backbone takes.
    """

    def __init__(self, head: str, backbone: str, dim: int, colour: bool = False, **options: Any) -> None:
        super().__init__()
        self.resnet_backbone = BACKBONES[backbone](**options)
        self.head_name, module = HEADS[head](self.resnet_backbone.out_channels, dim)
        self.add_module(self.head_name, module)
        init_weights(self)  # before lfn is made, whose fixed filter it would overwrite
        self.lfn: nn.Module = LocationColourFeatures() if colour else LocationFeatures()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Normalised image N×3×H×W → raw embeddings N×C×h×w at stride 4."""
        head = getattr(self, self.head_name)
        return F.interpolate(head(self.resnet_backbone(image)), scale_factor=2, mode="bilinear", align_corners=False)

    def local_features(self, image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """Local features N×H×W×F at `size`: location (F = 2), or location and colour (F = 5)."""
        return self.lfn(image, size)


def build_embedding(config: EasyDict) -> EmbeddingNetwork:
    """The embedding network that `network.*` names."""
    return EmbeddingNetwork(
        *parse_backbone(config.network.backbone_types),
        config.network.embedding_dim,
        colour=config.network.local_features == "location_colour",
        **backbone_options(config),
    )
