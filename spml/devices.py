"""Which device a process computes on, and how much memory it has left."""

import re
from pathlib import Path

import torch

from spml.errors import UserError
from spml.launcher import local_rank

SHORT_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}  # by their names in `train.amp` and `test.amp`


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


def free_memory(device: torch.device) -> int | None:
    """Bytes that a process may still take on a device: of a GPU, or of the machine and its container; None: unknown."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + held
    found = dict(re.findall(r"(\w+): +(\d+) kB", _content("/proc/meminfo")))
    if device.type != "cpu" or "MemAvailable" not in found:
        return None
    free = 1024 * (int(found["MemAvailable"]) + int(found.get("SwapFree", 0)))
    limit = _content("/sys/fs/cgroup/memory.max").strip()
    return min(free, int(limit)) if limit.isdecimal() else free


def _content(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # another system
        return ""


def need_memory(needed: float, device: torch.device, what: str) -> None:
    """Raise UserError, which says `what` it is for, where a device lacks so many bytes for certain."""
    free = free_memory(device)
    if free is not None and needed > free:
        raise UserError(
            f"{what}: at least {needed / 2**30:.1f} GiB of memory are needed, {free / 2**30:.1f} GiB are free on "
            f"{device}; expected less"
        )
