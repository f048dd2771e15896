"""Local features beside the embedding: where a pixel is, and how its colour contrasts with its surroundings."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

SMOOTHING_SIZE = 5


def location_features(height: int, width: int, device: torch.device | str | None = None) -> torch.Tensor:
    """Location of each pixel as H×W×2 (y, x), each from −0.5 to 0.5."""
    y = torch.linspace(0, 1, height, device=device) - 0.5
    x = torch.linspace(0, 1, width, device=device) - 0.5
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)


def distance_kernel() -> torch.Tensor:
    """Depthwise 5×5 kernel 3×1×5×5 whose weights are distances from the centre, summing to 1."""
    offset = torch.arange(SMOOTHING_SIZE) - SMOOTHING_SIZE // 2
    kernel = (offset[:, None] ** 2 + offset[None] ** 2).float().sqrt()
    return (kernel / kernel.sum()).repeat(3, 1, 1, 1)


class LocationFeatures(nn.Module):
    """Location alone: image N×3×·×·, size (H, W) → N×H×W×2."""

    channels = 2

    def forward(self, image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """Image N×3×·×·, size (H, W) → N×H×W×2."""
        return location_features(size[0], size[1], image.device).expand(len(image), -1, -1, -1)


class LocationColourFeatures(nn.Module):
    """Location and smoothed, centred, scaled colour: normalised image N×3×·×·, size (H, W) → N×H×W×5."""

    channels = 5

    def __init__(self) -> None:
        super().__init__()
        self.smooth_kernel = nn.Conv2d(3, 3, SMOOTHING_SIZE, groups=3, bias=False)
        self.smooth_kernel.weight = nn.Parameter(distance_kernel(), requires_grad=False)

    def forward(self, image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """Normalised image N×3×·×·, size (H, W) → N×H×W×5."""
        with torch.autocast(image.device.type, enabled=False):
            colour = self.smooth_kernel(image.float())
        colour = F.interpolate(colour, size, mode="bilinear", align_corners=False)
        colour = colour - colour.mean((2, 3), keepdim=True)
        colour = colour / colour.abs().amax((2, 3), keepdim=True).clamp_min(1e-12)
        location = location_features(size[0], size[1], image.device).expand(len(image), -1, -1, -1)
        return torch.cat([location, colour.permute(0, 2, 3, 1)], -1)
