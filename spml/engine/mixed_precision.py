"""In which precision the networks compute (`train.amp`); losses stay in float32."""

import torch

from spml.devices import SHORT_TYPES


class MixedPrecision:
    """Autocast of `train.amp`: none, bf16 or fp16, and the scaling of float16's gradients."""

    def __init__(self, name: str) -> None:
        self.dtype = SHORT_TYPES.get(name)

    def autocast(self, device: torch.device) -> torch.autocast:
        """A context in which the networks compute in this precision."""
        return torch.autocast(device.type, self.dtype or torch.bfloat16, enabled=self.dtype is not None)

    def scaler(self, device: torch.device) -> torch.amp.GradScaler:
        """What keeps float16's small gradients from vanishing; of other precisions it changes nothing."""
        return torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
