"""Any model of timm that gives a feature map, as a backbone: convolutional networks and transformers.

Networks are dilated to stride 8, or what `network.timm_output_stride` says, where timm can; maps of another stride,
such as those of a transformer's patches, are resized to 8. What comes after the backbone is the same for all.
"""

from collections.abc import Iterator
from math import lcm
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from spml.errors import UserError
from spml.models.base import Backbone
from spml.timm_models import KEY, check_timm_model, timm_library

STRIDE = 8
PROBE_SIDE = 128  # pixels of the image that a new model is tried with; some take none below 75


class TimmBackbone(Backbone):
    """Image N×3×H×W → features N×out_channels×⌈H/8⌉×⌈W/8⌉ of the model that `network.timm_model` names.

    layers: of how many last stages or blocks the features are joined (`network.timm_layers`); output_stride: what
    convolutional networks are dilated to, where timm can; freeze_at: how many first stages or blocks take no gradient
    and compute none, all of them with the final norm too; their BN statistics still move in training mode. The image is
    padded to whole patches at its right and lower end with the mean colour, and what lies over the padding is cut off.
    Initial values are timm's. Raises UserError for a name that timm has not, for a model that gives no map or wants
    images of one size, and for more stages than it has.
    """

    own_initial_values = True
    model: Any  # with forward_intermediates and feature_info, which the types of torch do not know

    def __init__(
        self, model: str, layers: int = 1, freeze_at: int = 2, bn_momentum: float = 3e-4, output_stride: int = STRIDE
    ) -> None:
        super().__init__()
        with torch.device("cpu"):  # a model computes tables of positions that no snapshot holds
            self.model = _create(model, output_stride)
            self.stages = [str(stage["module"]) for stage in _stages(self.model, model)]
            if not 1 <= layers <= len(self.stages):
                raise UserError(f"network.timm_layers is {layers}, expected 1..{len(self.stages)}, what {model} has")
            self.layers = layers
            # Plain transformers, whose blocks have one stride, end in a norm that their features need.
            self.normed = len({stage["reduction"] for stage in self.model.feature_info}) == 1
            self.indices = list(range(len(self.stages) - layers, len(self.stages)))
            self._prune()
            self.strides, self.out_channels = self._probe(model)
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = bn_momentum
        self._freeze(model, freeze_at)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Image N×3×H×W → features N×out_channels×⌈H/8⌉×⌈W/8⌉."""
        rows, columns = (_ceil(side, STRIDE) // STRIDE for side in x.shape[-2:])
        maps = zip(self._maps(self._pad(x)), self.strides, strict=True)
        return torch.cat([at_stride_8(each, stride)[..., :rows, :columns] for each, stride in maps], 1)

    def describe(self) -> str:
        """The model's stride, features and size, in words."""
        strides = ", ".join(map(str, dict.fromkeys(self.strides)))
        return f"stride {strides}, {self.out_channels} channels of the last {self.layers} of {len(self.stages)} stages"

    def _maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        if not hasattr(self.model, "forward_intermediates"):
            return list(self.model(x))[-self.layers :]
        return self.model.forward_intermediates(
            x, indices=self.indices, norm=self.normed, output_fmt="NCHW", intermediates_only=True
        )

    def _pad(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros to multiples of the strides, at least to whole cells of 8 pixels."""
        whole = lcm(*self.strides)
        below, right = (_ceil(_ceil(side, STRIDE), whole) - side for side in x.shape[-2:])
        return F.pad(x, (0, right, 0, below)) if below or right else x

    def _prune(self) -> None:
        """Leave out what comes after the last features, which would take no gradient."""
        if hasattr(self.model, "prune_intermediate_layers"):
            self.model.prune_intermediate_layers(self.indices, prune_norm=not self.normed, prune_head=True)

    def _probe(self, name: str) -> tuple[list[int], int]:
        """Stride of each map, and the channels of all together, as seen on a small image that is not square."""
        unit = lcm(STRIDE, int(self.model.feature_info[-1]["reduction"]))
        side = _ceil(PROBE_SIDE, unit)
        try:
            with torch.no_grad():
                maps = self.eval()._maps(torch.zeros(1, 3, side, side + unit))
        except Exception as error:  # models say in many ways that they take one size alone
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(
                f"{KEY} is {name!r}, which does not take images of any size, or gives no feature map ({reason})"
            ) from None
        self.train()
        strides = [side // each.shape[-2] for each in maps]
        if any(
            each.shape[-2] * s != side or each.shape[-1] * s != side + unit
            for each, s in zip(maps, strides, strict=True)
        ):
            raise UserError(f"{KEY} is {name!r}, whose feature map is no grid of whole strides over the image")
        return strides, sum(each.shape[1] for each in maps)

    def _freeze(self, name: str, freeze_at: int) -> None:
        if freeze_at > len(self.stages):
            raise UserError(f"train.freeze_at is {freeze_at}, expected at most {len(self.stages)}, what {name} has")
        frozen = self.model.parameters() if freeze_at == len(self.stages) else self._first_parameters(freeze_at)
        for parameter in frozen:
            parameter.requires_grad_(False)

    def _first_parameters(self, stages: int) -> Iterator[nn.Parameter]:
        """The parameters up to the end of the first stages: modules are registered in the order in which they run."""
        modules = dict(self.model.named_modules())
        end = self.stages[stages - 1] if stages else None
        inside = [i for i, name in enumerate(modules) if end and f"{name}.".startswith(f"{end}.")]
        if end and not inside:
            raise UserError(
                f"train.freeze_at is {stages}, expected 0: the stages of this timm model are no parts of it"
            )
        for module in list(modules.values())[: max(inside, default=-1) + 1]:
            yield from module.parameters(recurse=False)


def _ceil(side: int, step: int) -> int:
    """The next multiple of a step; without negative numbers, since ONNX divides these towards 0."""
    return (side + step - 1) // step * step


def at_stride_8(features: torch.Tensor, stride: int) -> torch.Tensor:
    """Features N×C×h×w of a stride, resized bilinearly to stride 8: N×C×⌊h·stride/8⌋×⌊w·stride/8⌋."""
    if stride == STRIDE:
        return features
    return F.interpolate(features, scale_factor=stride / STRIDE, mode="bilinear", align_corners=False)


def _size_options(output_stride: int) -> tuple[dict[str, Any], ...]:
    """What makes a model give a map at any size, in the order tried: dilation, resampled positions, free windows."""
    return (
        {"output_stride": output_stride},
        {"output_stride": output_stride, "features_only": True},  # MobileNets take it in this form alone
        {"dynamic_img_size": True},
        {"strict_img_size": False},
    )


def _create(name: str, output_stride: int) -> nn.Module:
    """The model without its classifier, dilated or made to take any size where it can."""
    check_timm_model(name)
    for options in _size_options(output_stride):
        try:
            return timm_library().create_model(name, pretrained=False, num_classes=0, **options)
        except (TypeError, AssertionError, NotImplementedError):  # how models say that they know no such option
            continue
    return timm_library().create_model(name, pretrained=False, num_classes=0)


def _stages(model: nn.Module, name: str) -> list[dict[str, Any]]:
    stages = getattr(model, "feature_info", None)
    if not stages:
        raise UserError(f"{KEY} is {name!r}, which names no stages that give feature maps")
    return list(stages)
