"""Class activation maps from image tags: a backbone, and a linear classifier over its averaged features."""

from typing import Any

import torch
from easydict import EasyDict
from torch import nn
from torch.nn import functional as F

from spml.data.labels import first_tag
from spml.models.backbones import BACKBONES, backbone_options, parse_backbone
from spml.models.base import init_weights


class CamBackbone(nn.Module):
    """Normalised image N×3×H×W → features N×D×h×w at stride 8, under the embedding network's parameter names.

    backbone: a key of BACKBONES; options: what it takes.
    """

    def __init__(self, backbone: str, **options: Any) -> None:
        super().__init__()
        self.resnet_backbone = BACKBONES[backbone](**options)
        init_weights(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Normalised image N×3×H×W → features N×D×h×w."""
        return self.resnet_backbone(image)


class CamHead(nn.Module):
    """Features N×D×h×w → tag logits N×T, or activation maps N×T×h×w, of the T classes that count as tags."""

    def __init__(self, channels: int, num_tags: int) -> None:
        super().__init__()
        self.tag_classifier = nn.Conv2d(channels, num_tags, 1, bias=False)
        init_weights(self)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features N×D×h×w → tag logits N×T."""
        return self.tag_classifier(features.mean((2, 3), keepdim=True)).flatten(1)

    def activation(self, features: torch.Tensor) -> torch.Tensor:
        """Unscaled, non-negative class activation maps."""
        return F.relu(self.tag_classifier(features))


def build_cam(config: EasyDict) -> tuple[CamBackbone, CamHead]:
    """Backbone and head that `network.*` names; the head of `network.backbone_types` plays no part."""
    _, name = parse_backbone(config.network.backbone_types)
    backbone = CamBackbone(name, **backbone_options(config))
    num_tags = config.dataset.num_classes - first_tag(config.dataset)
    return backbone, CamHead(backbone.resnet_backbone.out_channels, num_tags)
