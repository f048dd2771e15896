"""Image → embeddings: backbone, head, and local features."""

import re
from math import sqrt

from torch import nn
from torch.nn import functional as F

from spml.errors import UserError
from spml.models.heads import HEADS
from spml.models.local_features import LocationColourFeatures, LocationFeatures
from spml.models.resnet import SPECS, DilatedResNet


def resize(x, size):
    """Bilinear resize of N×C×h×w to `size` (H, W), corners not aligned."""
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


class EmbeddingNetwork(nn.Module):
    """Normalised image N×3×H×W → raw embeddings N×C×h×w at stride 4 (paper, section 3).

    head, depth: keys of HEADS and SPECS; dim: C; colour: whether the network carries the colour filter of its local
    features (`lfn`), used in DensePose training; backbone: options of DilatedResNet.
    """

    def __init__(self, head, depth, dim, colour=False, **backbone):
        super().__init__()
        self.resnet_backbone = DilatedResNet(SPECS[depth], **backbone)
        self.head_name, module = HEADS[head](self.resnet_backbone.out_channels, dim)
        self.add_module(self.head_name, module)
        init_weights(self)  # before lfn is made, whose fixed filter it would overwrite
        self.lfn = LocationColourFeatures() if colour else LocationFeatures()

    def forward(self, image):
        head = getattr(self, self.head_name)
        return F.interpolate(head(self.resnet_backbone(image)), scale_factor=2, mode="bilinear", align_corners=False)

    def local_features(self, image, size):
        """Local features N×H×W×F at `size`: location (F = 2), or location and colour (F = 5)."""
        return self.lfn(image, size)


def init_weights(module):
    """Convolutions N(0, sqrt(2 / (k·k·out_channels))) with bias 0, batch norms weight 1 and bias 0."""
    for m in module.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.normal_(m.weight, 0, sqrt(2 / (m.kernel_size[0] * m.kernel_size[1] * m.out_channels)))
            if m.bias is not None:
                nn.init.zeros_(m.bias)


def parse_backbone(name):
    """Head and depth of a name like panoptic_deeplab_101; raises UserError for an unknown one."""
    match = re.fullmatch(r"panoptic_([a-z]+)_([a-z0-9]+)", name)
    if match is None or match[1] not in HEADS or match[2] not in SPECS:
        known = ", ".join(f"panoptic_{head}_{depth}" for head in HEADS for depth in SPECS)
        raise UserError(f"network.backbone_types is {name!r}, expected one of {known}")
    return match.groups()


def backbone_options(config):
    """The options of DilatedResNet that a config sets."""
    network = config.network
    return {"stem": network.stem, "freeze_at": config.train.freeze_at, "bn_momentum": network.bn_momentum}


def build_embedding(config):
    """The embedding network that `network.*` names."""
    return EmbeddingNetwork(
        *parse_backbone(config.network.backbone_types),
        config.network.embedding_dim,
        colour=config.network.local_features == "location_colour",
        **backbone_options(config),
    )
