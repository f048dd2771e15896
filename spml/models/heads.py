"""Heads from backbone features to embeddings: DeepLab's summed dilated convolutions, PSP's pooling pyramid."""

import torch
from torch import nn
from torch.nn import functional as F

ASPP_DILATIONS = (6, 12, 18, 24)
PSP_GRIDS = (1, 2, 3, 6)


class ASPP(nn.Module):
    """Four 3×3 convolutions of dilations 6, 12, 18, 24, summed: N×cin×h×w → N×cout×h×w."""

    def __init__(self, cin, cout):
        super().__init__()
        for i, dilation in enumerate(ASPP_DILATIONS, 1):
            conv = nn.Conv2d(cin, cout, 3, padding=dilation, dilation=dilation)
            self.add_module(f"aspp_{i}", nn.Sequential(conv))

    def forward(self, x):
        return self.aspp_1(x) + self.aspp_2(x) + self.aspp_3(x) + self.aspp_4(x)


class PSPP(nn.Module):
    """Pooling pyramid over 1, 2, 3, 6 cells a side, joined with the input: N×cin×h×w → N×cin/4×h×w."""

    def __init__(self, cin):
        super().__init__()
        inner = cin // 4
        for i, grid in enumerate(PSP_GRIDS, 1):
            conv = nn.Conv2d(cin, inner, 1, bias=False)
            level = nn.Sequential(nn.AdaptiveAvgPool2d(grid), conv, nn.BatchNorm2d(inner), nn.ReLU(inplace=True))
            self.add_module(f"pspp_{i}", level)
        conv = nn.Conv2d(cin + 4 * inner, inner, 3, padding=1, bias=False)
        self.conv = nn.Sequential(conv, nn.BatchNorm2d(inner), nn.ReLU(inplace=True))

    def forward(self, x):
        levels = [self.pspp_1(x), self.pspp_2(x), self.pspp_3(x), self.pspp_4(x)]
        levels = [F.interpolate(level, x.shape[-2:], mode="bilinear", align_corners=False) for level in levels]
        return self.conv(torch.cat([x, *levels], 1))


def deeplab_head(cin, cout):
    """The DeepLab head and its name in snapshots."""
    return "aspp", ASPP(cin, cout)


def pspnet_head(cin, cout):
    """The PSP head and its name in snapshots."""
    return "pspp", nn.Sequential(PSPP(cin), nn.Conv2d(cin // 4, cout, 1))


HEADS = {"deeplab": deeplab_head, "pspnet": pspnet_head}
