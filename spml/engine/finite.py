"""Stopping a run where a loss is not finite, without making a GPU wait for it."""

from dataclasses import dataclass

import torch

from spml.engine.processes import any_of_ranks, mean_over_ranks
from spml.engine.tasks import StepResult
from spml.errors import UserError


@dataclass
class _Noted:
    """Losses of an iteration, and whether one is not finite: on the host, once `copied` has happened there."""

    iteration: int
    losses: dict[str, torch.Tensor]
    failed: torch.Tensor
    copied: torch.cuda.Event | None


class FiniteWatch:
    """Looks at the loss of each iteration: at once on a CPU, on a GPU when the next one is noted.

    Whoever writes something down calls `settle` before, so that no file holds what came of such a loss.
    """

    def __init__(self) -> None:
        self.noted: _Noted | None = None

    def note(self, result: StepResult, iteration: int) -> None:
        """Note an iteration's losses; raises UserError, on every process, where one seen by now is not finite."""
        self.settle()
        failed = any_of_ranks(~torch.isfinite(result.total.detach()))
        losses = {name: loss.detach() for name, loss in result.losses.items()}
        if not failed.is_cuda:
            self.noted = _Noted(iteration, losses, failed, None)
            self.settle()
            return
        on_host = torch.empty((), dtype=failed.dtype, pin_memory=True).copy_(failed, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record()
        self.noted = _Noted(iteration, losses, on_host, copied)

    def settle(self) -> None:
        """Look at what is noted; raises UserError, on every process, where it is not finite."""
        noted, self.noted = self.noted, None
        if noted is None:
            return
        if noted.copied is not None:
            noted.copied.synchronize()
        if bool(noted.failed):
            losses = ", ".join(f"{name} {value:.4g}" for name, value in mean_over_ranks(noted.losses).items())
            raise UserError(
                f"iteration {noted.iteration}: the loss is not finite ({losses}); try a lower train.base_lr"
            )
