"""What networks share: what a backbone is, and initial values."""

from math import sqrt

from torch import nn


class Backbone(nn.Module):
    """Normalised image N×3×H×W → features N×out_channels×h×w at stride 8."""

    out_channels: int


def init_weights(module: nn.Module) -> None:
    """Convolutions N(0, sqrt(2 / (k·k·out_channels))) with bias 0, batch norms weight 1 and bias 0."""
    for m in module.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.normal_(m.weight, 0, sqrt(2 / (m.kernel_size[0] * m.kernel_size[1] * m.out_channels)))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
