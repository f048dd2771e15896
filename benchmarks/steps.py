"""What a benchmark of one step is, and how its time and memory are measured."""

import importlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Size = Mapping[str, int]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Step:
    """One step of the method, ours beside the plain formula.

    make: a size and a device → inputs; ours, plain: inputs → a tensor or several, the same from both. sizes: the first
    stands in the table; those that differ from it in one number are the points of a curve over that number.
    short_sizes: what runs in the tests. tolerance: largest difference of floats, relative to the largest value; whole
    numbers are equal. plain_up_to: sizes whose product is larger run ours alone (0: no limit).
    """

    make: Callable[[Size, torch.device], Any]
    ours: Callable[[Any], Any]
    plain: Callable[[Any], Any]
    sizes: Sequence[Size]
    short_sizes: Sequence[Size]
    tolerance: float = 1e-5
    plain_up_to: int = 0

    def sides(self, size: Size) -> dict[str, Callable[[Any], Any]]:
        """The sides that run at a size, by name."""
        product = 1
        for number in size.values():
            product *= number
        alone = self.plain_up_to and product > self.plain_up_to
        return {"ours": self.ours} if alone else {"plain": self.plain, "ours": self.ours}


def find_steps() -> dict[str, Step]:
    """The steps of all modules `*_steps.py` beside this one, by name."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("*_steps.py"))
    found: dict[str, Step] = {}
    for module in modules:
        found |= importlib.import_module(module).STEPS
    return found


def seconds(step: Step, size: Size, device: torch.device, repeats: int) -> dict[str, float]:
    """Median seconds of each side, measured in turn, after their results were seen to agree."""
    inputs, sides = step.make(size, device), step.sides(size)
    results = {name: _tensors(function(inputs)) for name, function in sides.items()}
    if len(results) == 2:
        check_equal(results["ours"], results["plain"], step.tolerance)
    del results
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, function in sides.items():
            _finish(device)
            start = time.perf_counter()
            function(inputs)
            _finish(device)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def extra_mib(step: Step, size: Size, device: torch.device) -> dict[str, float]:
    """Peak MiB of each side beyond its inputs; on the CPU those of this process, which shall do nothing else."""
    peaks = {}
    for name, function in step.sides(size).items():
        function(step.make(step.short_sizes[0], device))  # what is laid out once is no part of it
        inputs = step.make(size, device)
        before = _reset_peak(device)
        function(inputs)
        peaks[name] = max(0.0, _peak_mib(device) - before)
        del inputs
    return peaks


def check_equal(ours: list[torch.Tensor], plain: list[torch.Tensor], tolerance: float) -> None:
    """Raise ValueError where two results differ by more than `tolerance`, whole numbers where they differ at all."""
    if len(ours) != len(plain):
        raise ValueError(f"{len(ours)} tensors beside {len(plain)}")
    for a, b in zip(ours, plain, strict=True):
        if not a.is_floating_point():
            apart = int((a != b).sum())
            if apart > tolerance * a.numel():
                raise ValueError(f"{apart} of {a.numel()} whole numbers differ")
        elif a.numel():
            apart = float((a - b).abs().max() / b.abs().max().clamp_min(1e-30))
            if not apart <= tolerance:
                raise ValueError(f"relative difference {apart:.2g}, more than {tolerance:.2g}")


def _tensors(result: Any) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else list(result)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset_peak(device: torch.device) -> float:
    """Forget the peak so far; returns the MiB held now."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / 2**20
    RESET.write_text("5")
    return _status_mib("VmRSS")


def _peak_mib(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else _status_mib("VmHWM")


def _status_mib(field: str) -> float:
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith(field + ":")]
    return int(line.split()[1]) / 2**10
