"""Batch norm over the batches of all processes, on every device (`network.use_syncbn`)."""

import torch
from torch import nn

from spml.engine.processes import SumOverRanks, world_size


def joins_batch_norm(use_syncbn: bool) -> bool:
    """Whether batch norm takes its statistics over all processes: there are several, and it is asked to."""
    return use_syncbn and world_size() > 1


class JoinedBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d whose batch is that of all processes, in plain torch; for devices without torch's SyncBatchNorm.

    Parameters and buffers are those of BatchNorm2d, by the same names.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor
    momentum: float

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalised N×C×H×W by the statistics of all processes, in training; as BatchNorm2d does in evaluation."""
        if not self.training:
            return super().forward(input)
        x = input.float()
        sums = SumOverRanks.apply(torch.cat([x.sum((0, 2, 3)), x.new_tensor([x.numel() / x.shape[1]])]))
        count = sums[-1].detach()
        if count <= 1:
            raise ValueError("batch norm needs more than one value a channel over all processes")
        mean = sums[:-1] / count
        # A second sum, of squares about the mean: their difference from one pass would cancel in float32.
        centred = x - mean[:, None, None]
        variance = SumOverRanks.apply(centred.square().sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        y = centred * (variance + self.eps).rsqrt()[:, None, None]
        return (y * self.weight[:, None, None] + self.bias[:, None, None]).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def join_batch_norm(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with joined batch norms in place of its own, which keep their parameters and buffers."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, _with_rest_of(child, _joined(child, device)))
        else:
            join_batch_norm(child, device)
    return module


def _with_rest_of(norm: nn.BatchNorm2d, joined: nn.Module) -> nn.Module:
    """The joined norm, followed by what a norm of timm holds besides: drop-out and activation."""
    rest = nn.Sequential(*norm.children())
    if len(rest):
        joined.register_forward_hook(lambda module, inputs, output: rest.train(module.training)(output))
    return joined


def _joined(norm: nn.BatchNorm2d, device: torch.device) -> nn.Module:
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(norm)
    joined = JoinedBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    joined.weight, joined.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers():
        setattr(joined, name, buffer)
    return joined.train(norm.training)
