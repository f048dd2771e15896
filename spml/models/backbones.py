"""Backbones by the name that ends `network.backbone_types`.

A further backbone is a builder and its line in `BACKBONES`; a further residual network is an entry of `SPECS`.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from easydict import EasyDict

from spml.errors import UserError
from spml.models.base import Backbone
from spml.models.heads import HEADS
from spml.models.resnet import SPECS, DilatedResNet
from spml.models.timm_backbone import TimmBackbone

# name → builder, which takes the options below as keywords.
BACKBONES: dict[str, Callable[..., Backbone]] = {
    **{name: partial(DilatedResNet, spec) for name, spec in SPECS.items()},
    "timm": TimmBackbone,
}


def parse_backbone(name: str) -> tuple[str, str]:
    """Head and backbone of a name like panoptic_deeplab_101; raises UserError for an unknown one."""
    match = re.fullmatch(r"panoptic_([a-z]+)_(\w+)", name)
    if match is None or match[1] not in HEADS or match[2] not in BACKBONES:
        known = ", ".join(f"panoptic_{head}_{backbone}" for head in HEADS for backbone in BACKBONES)
        raise UserError(f"network.backbone_types is {name!r}, expected one of {known}")
    return match[1], match[2]


def backbone_options(config: EasyDict) -> dict[str, Any]:
    """The options of a backbone that a config sets: frozen stages, momentum of its batch norms, stem or model."""
    network = config.network
    options = {"freeze_at": config.train.freeze_at, "bn_momentum": network.bn_momentum}
    if parse_backbone(network.backbone_types)[1] == "timm":
        timm = {"layers": network.timm_layers, "output_stride": network.timm_output_stride}
        return {"model": network.timm_model, **timm, **options}
    return {"stem": network.stem, **options}
