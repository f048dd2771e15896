"""Heads from backbone features to embeddings: DeepLab's summed dilated convolutions, PSP's pooling pyramid.

A further head is a function here and its line in `HEADS`.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

ASPP_DILATIONS = (6, 12, 18, 24)
PSP_GRIDS = (1, 2, 3, 6)


class ASPP(nn.Module):
    """Four 3×3 convolutions of dilations 6, 12, 18, 24, summed: N×cin×h×w → N×cout×h×w."""

    aspp_1: nn.Module
    aspp_2: nn.Module
    aspp_3: nn.Module
    aspp_4: nn.Module

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        for i, dilation in enumerate(ASPP_DILATIONS, 1):
            conv = nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation)
            self.add_module(f"aspp_{i}", nn.Sequential(conv))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features N×cin×h×w → N×cout×h×w."""
        return self.aspp_1(x) + self.aspp_2(x) + self.aspp_3(x) + self.aspp_4(x)


class GridPool(nn.Module):
    """Average pooling to `cells`×`cells`: N×C×h×w → N×C×cells×cells.

    Where torch is asked for deterministic algorithms, CUDA takes products with averaging matrices, since its own
    adaptive pooling adds gradients in no fixed order. `by_products` takes them everywhere: ONNX knows no adaptive
    pooling of images of any size.
    """

    by_products = False

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features N×C×h×w → their means over the cells, N×C×cells×cells."""
        if self.by_products or (x.is_cuda and torch.are_deterministic_algorithms_enabled()):
            rows, columns = (averaging_matrix(length, self.cells).to(x) for length in x.shape[-2:])
            return rows @ x @ columns.T
        return F.adaptive_avg_pool2d(x, self.cells)


def averaging_matrix(length: int, cells: int) -> torch.Tensor:
    """[cells, length] whose product with a line of pixels is its adaptive average pooling."""
    cell, pixel = torch.arange(cells)[:, None], torch.arange(length)
    first, end = cell * length // cells, ((cell + 1) * length + cells - 1) // cells
    inside = ((pixel >= first) & (pixel < end)).float()
    return inside / inside.sum(1, keepdim=True)


class PSPP(nn.Module):
    """Pooling pyramid over 1, 2, 3, 6 cells a side, joined with the input: N×cin×h×w → N×cin/4×h×w."""

    pspp_1: nn.Module
    pspp_2: nn.Module
    pspp_3: nn.Module
    pspp_4: nn.Module

    def __init__(self, cin: int) -> None:
        super().__init__()
        inner = cin // 4
        for i, grid in enumerate(PSP_GRIDS, 1):
            conv = nn.Conv2d(cin, inner, 1, bias=False)
            level = nn.Sequential(GridPool(grid), conv, nn.BatchNorm2d(inner), nn.ReLU(inplace=True))
            self.add_module(f"pspp_{i}", level)
        conv = nn.Conv2d(cin + 4 * inner, inner, 3, padding=1, bias=False)
        self.conv = nn.Sequential(conv, nn.BatchNorm2d(inner), nn.ReLU(inplace=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features N×cin×h×w → N×cin/4×h×w."""
        levels = [self.pspp_1(x), self.pspp_2(x), self.pspp_3(x), self.pspp_4(x)]
        levels = [F.interpolate(level, x.shape[-2:], mode="bilinear", align_corners=False) for level in levels]
        return self.conv(torch.cat([x, *levels], 1))


def deeplab_head(cin: int, cout: int) -> tuple[str, nn.Module]:
    """The DeepLab head and its name in snapshots."""
    return "aspp", ASPP(cin, cout)


def pspnet_head(cin: int, cout: int) -> tuple[str, nn.Module]:
    """The PSP head and its name in snapshots."""
    return "pspp", nn.Sequential(PSPP(cin), nn.Conv2d(cin // 4, cout, 1))


# The part between panoptic_ and the backbone in network.backbone_types → channels in and out → name in snapshots, head.
HEADS: dict[str, Callable[[int, int], tuple[str, nn.Module]]] = {"deeplab": deeplab_head, "pspnet": pspnet_head}
