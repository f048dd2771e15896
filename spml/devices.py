"""Which device a process computes on."""

import os

import torch

from spml.errors import UserError


def choose_device(name: str = "") -> torch.device:
    """The device that `name` asks for: `cuda` is this process's GPU, '' the same where there is one, else the CPU."""
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if name == "cuda" else name
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: cannot be used here ({str(error).splitlines()[0]})") from None
