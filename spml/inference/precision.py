"""Networks that compute in a shorter type than the float32 that goes in and comes out (`test.amp`)."""

import torch
from torch import nn

from spml.devices import SHORT_TYPES


class _Autocast(nn.Module):
    def __init__(self, network: nn.Module, kind: torch.dtype, device: torch.device) -> None:
        super().__init__()
        self.network, self.kind, self.device_type = network, kind, device.type

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the network gives under autocast, as float32."""
        with torch.autocast(self.device_type, self.kind):
            return self.network(x).float()


def in_precision(network: nn.Module, amp: str, device: torch.device) -> nn.Module:
    """The network, of one tensor to another, under autocast to `bf16` or `fp16`; as it is for `none`."""
    return network if amp == "none" else _Autocast(network, SHORT_TYPES[amp], device)
