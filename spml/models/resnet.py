"""Dilated residual networks of output stride 8, with the parameter names of the published snapshots."""

from dataclasses import dataclass

import torch
from torch import nn

from spml.models.base import Backbone

BN_MOMENTUM = 3e-4
STRIDES = (1, 2, 1, 1)
DILATIONS = (1, 1, 2, 4)


def _conv3x3(cin: int, cout: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 3, stride, dilation, dilation, bias=False)


def _bn(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, momentum=BN_MOMENTUM)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut; the stride sits on the first."""

    expansion = 1

    def __init__(self, cin: int, planes: int, stride: int, dilation: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv3x3(cin, planes, stride, dilation), _bn(planes)
        self.conv2, self.bn2 = _conv3x3(planes, planes, 1, dilation), _bn(planes)
        self.relu, self.downsample = nn.ReLU(inplace=True), downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features N×C×h×w → N×planes×h/stride×w/stride."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions beside a shortcut; the stride sits on the 3×3."""

    expansion = 4

    def __init__(self, cin: int, planes: int, stride: int, dilation: int, downsample: nn.Module | None) -> None:
        super().__init__()
        cout = planes * self.expansion
        self.conv1, self.bn1 = nn.Conv2d(cin, planes, 1, bias=False), _bn(planes)
        self.conv2, self.bn2 = _conv3x3(planes, planes, stride, dilation), _bn(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, cout, 1, bias=False), _bn(cout)
        self.relu, self.downsample = nn.ReLU(inplace=True), downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features N×C×h×w → N×(4 planes)×h/stride×w/stride."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


@dataclass(frozen=True)
class ResNetSpec:
    """Block type, blocks a stage, planes of the first stage (doubled in each later one)."""

    block: type[BasicBlock] | type[Bottleneck]
    depths: tuple[int, ...]
    width: int = 64


SPECS = {
    "tiny": ResNetSpec(BasicBlock, (1, 1, 2, 1), 24),
    "18": ResNetSpec(BasicBlock, (2, 2, 2, 2)),
    "50": ResNetSpec(Bottleneck, (3, 4, 6, 3)),
    "101": ResNetSpec(Bottleneck, (3, 4, 23, 3)),
}


class Stem(nn.Module):
    """Image → stride 4: three 3×3 convolutions (`deep`) or torchvision's one 7×7, BN, ReLU, max-pooling."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        if kind == "deep":
            first = [_conv3x3(3, width, 2), _bn(width), nn.ReLU(inplace=True)]
            second = [_conv3x3(width, width), _bn(width), nn.ReLU(inplace=True)]
            self.conv1: nn.Module = nn.Sequential(*first, *second, _conv3x3(width, 2 * width))
            self.channels = 2 * width
        else:
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.channels = width
        self.bn1, self.relu, self.maxpool = _bn(self.channels), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Image N×3×H×W → features at stride 4."""
        return self.maxpool(self.relu(self.bn1(self.conv1(x))))


class DilatedResNet(Backbone):
    """Image N×3×H×W → features N×out_channels×⌈H/8⌉×⌈W/8⌉.

    freeze_at: the stem and res2..res{freeze_at} take no gradient and compute none (0: everything is trained); their BN
    statistics still move in training mode. bn_momentum: 3e-4 suits pretrained statistics, not training from scratch.
    """

    res2: nn.Module
    res3: nn.Module
    res4: nn.Module
    res5: nn.Module

    def __init__(
        self, spec: ResNetSpec, stem: str = "deep", freeze_at: int = 2, bn_momentum: float = BN_MOMENTUM
    ) -> None:
        super().__init__()
        self.conv1 = Stem(stem, spec.width)
        channels = self.conv1.channels
        for stage, (depth, stride, dilation) in enumerate(zip(spec.depths, STRIDES, DILATIONS, strict=True)):
            planes = spec.width * 2**stage
            self.add_module(f"res{stage + 2}", _stage(spec.block, depth, channels, planes, stride, dilation))
            channels = planes * spec.block.expansion
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = bn_momentum
        self.out_channels = channels
        self.freeze_at = freeze_at
        for frozen in self.frozen_stages():
            frozen.requires_grad_(False)

    def stages(self) -> list[nn.Module]:
        """Stem, res2, ..., res5."""
        return [self.conv1, self.res2, self.res3, self.res4, self.res5]

    def frozen_stages(self) -> list[nn.Module]:
        """The stages that are never updated."""
        return self.stages()[: self.freeze_at] if self.freeze_at else []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Image N×3×H×W → features N×out_channels×⌈H/8⌉×⌈W/8⌉."""
        stages, n = self.stages(), len(self.frozen_stages())
        with torch.no_grad():
            for stage in stages[:n]:
                x = stage(x)
        for stage in stages[n:]:
            x = stage(x)
        return x


def _stage(
    block: type[BasicBlock] | type[Bottleneck], depth: int, cin: int, planes: int, stride: int, dilation: int
) -> nn.Sequential:
    """Blocks of one stage; the first has the stride, the projection, and half the dilation."""
    cout = planes * block.expansion
    downsample = None
    if stride != 1 or cin != cout:
        downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), _bn(cout))
    first = block(cin, planes, stride, max(1, dilation // 2), downsample)
    return nn.Sequential(first, *(block(cout, planes, 1, dilation, None) for _ in range(depth - 1)))
