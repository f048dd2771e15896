"""What networks share: what a backbone is, and initial values."""

from math import sqrt

from torch import nn


class Backbone(nn.Module):
    """Normalised image N×3×H×W → features N×out_channels×h×w at stride 8.

    own_initial_values: whether it starts at initial values of its own, which `init_weights` shall leave.
    """

    out_channels: int
    own_initial_values = False


def init_weights(module: nn.Module) -> None:
    """Convolutions N(0, sqrt(2 / (k·k·out_channels))) with bias 0, batch norms weight 1 and bias 0."""
    own = [part for part in module.modules() if isinstance(part, Backbone) and part.own_initial_values]
    left = {m for part in own for m in part.modules()}
    for m in module.modules():
        if isinstance(m, nn.Conv2d) and m not in left:
            nn.init.normal_(m.weight, 0, sqrt(2 / (m.kernel_size[0] * m.kernel_size[1] * m.out_channels)))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
