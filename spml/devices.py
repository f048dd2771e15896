"""Which device a process computes on."""

import torch

from spml.errors import UserError
from spml.launcher import local_rank


def choose_device(name: str = "") -> torch.device:
    """The device that `name` asks for: `cuda` is this process's GPU, '' the same where there is one, else the CPU."""
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    name = f"cuda:{local_rank()}" if name == "cuda" else name
    try:
        device = torch.empty(0, device=name).device
        torch.zeros(1, device=device).item()  # which devices without values, such as meta, have not
        return device
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: cannot be used here ({str(error).splitlines()[0]})") from None
