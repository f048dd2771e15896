"""Weights that depend only on a parameter's name and shape: those the figures of tests/golden were computed with."""

import zlib
from functools import cache

import numpy as np
import torch

from spml.models.embedding import EmbeddingNetwork
from spml.models.local_features import distance_kernel


@cache
def fill(name, shape):
    """The value of one parameter or buffer; kept, since networks share most of theirs."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return torch.zeros((), dtype=torch.long)
    x = rng.standard_normal(tuple(shape) if len(shape) else 1).astype(np.float32)
    if len(shape) == 4:
        x = x * np.float32(np.sqrt(2.0 / (shape[1] * shape[2] * shape[3])))
    elif leaf == "weight":
        x = np.float32(0.6) + np.float32(0.05) * x
    elif leaf == "running_var":
        x = np.float32(1.0) + np.float32(0.1) * np.abs(x)
    else:
        x = np.float32(0.1) * x
    return torch.from_numpy(x)


def filled(module):
    """A filled state dict for a module, its tensors those that are kept."""
    return {name: fill(name, tuple(value.shape)) for name, value in module.state_dict().items()}


def fill_module(module):
    """Load filled weights into a module."""
    module.load_state_dict(filled(module))
    return module


def filled_network(head, colour=False, dim=64):
    """The filled embedding network of depth 101, in eval mode; its tensors are shared, so not to be trained."""
    with torch.device("meta"):
        network = EmbeddingNetwork(head, "101", dim, colour=colour)
    state = filled(network) | ({"lfn.smooth_kernel.weight": distance_kernel()} if colour else {})
    network.load_state_dict(state, assign=True)
    return network.eval()
