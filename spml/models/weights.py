"""Weights from files: backbone files in the usual ResNet naming, published and own snapshots, torchvision's weights."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from easydict import EasyDict
from torch import nn
from torch.overrides import TorchFunctionMode

from spml.errors import UserError, few_of, first_of
from spml.models.cam_network import CamBackbone, CamHead, build_cam
from spml.models.classifier import Classifier, build_classifier
from spml.models.embedding import EmbeddingNetwork, build_embedding
from spml.models.snapshots import newest_snapshot, state_path
from spml.models.soundness import check_finite, check_sum
from spml.models.timm_backbone import TimmBackbone
from spml.models.timm_weights import PREFIX, named_for_timm, package_weights, read_safetensors, timm_weights
from spml.models.torch_files import read_torch
from spml.timm_models import PACKAGE_SOURCE

UNUSED_KEYS = ("fc.", "lfn.", "num_batches_tracked")


def load_file(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """A dict of tensors from a `.pth` or `.safetensors`, running no code of it; UserError where it cannot be read."""
    if str(path).endswith(".safetensors"):
        return read_safetensors(path, device)
    content = read_torch(path, device)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no named tensors; expected a backbone file or a snapshot")
    return content


def load_checked(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What `load_file` gives; raises UserError where a snapshot is not what the state beside it says was written.

    Published snapshots, older ones of a run, and files of backbones have no state beside them.
    """
    content, expected = load_file(path, device), _noted_sum(path)
    if expected is not None:
        check_sum(content, expected, path)
    return content


def _noted_sum(path: str | Path) -> str | None:
    """The check sum that the state beside a snapshot notes; None where there is none, or it cannot be read."""
    beside = state_path(path)
    if beside == Path(path) or not beside.is_file():
        return None
    with suppress(UserError):
        sums = load_file(beside).get("sums")
        return sums.get("model") if isinstance(sums, dict) else None
    return None


def our_name(key: str) -> str:
    """A parameter's name in our network for its name in a backbone file or snapshot."""
    key = key.removeprefix("module.")
    key = re.sub(r"^(conv1|bn1)\.", r"resnet_backbone.conv1.\1.", key)
    return re.sub(r"^layer([1-4])\.", lambda m: f"resnet_backbone.res{int(m[1]) + 1}.", key)


def _unwrap(content: dict[str, Any]) -> dict[str, Any]:
    """What the wrappers that snapshots and backbone files have hold of the embedding network."""
    for wrapper in ("embedding_model", "state_dict", "model"):
        content = content[wrapper] if isinstance(content.get(wrapper), dict) else content
    return content


def _tensors(content: dict[str, Any], path: str | Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """The embedding network's tensors of a file's content, by the names that they have in `network`."""
    named = {k: v for k, v in _unwrap(content).items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
    if not named:
        raise UserError(f"{path}: holds no named tensors; expected a backbone file or a snapshot")
    backbone = network.get_submodule("resnet_backbone")
    if isinstance(backbone, TimmBackbone):
        return named_for_timm(named, backbone, path)
    return {our_name(k): v for k, v in named.items()}


def _check_shapes(module: nn.Module, state: dict[str, torch.Tensor], path: str | Path) -> None:
    for key, value in module.state_dict().items():
        if key in state and state[key].shape != value.shape:
            raise UserError(
                f"{path}: {key} has shape {tuple(state[key].shape)}, the network of this config needs "
                f"{tuple(value.shape)}; check network.backbone_types, stem, embedding_dim and dataset.num_classes"
            )


def load_pretrained(
    network: EmbeddingNetwork | CamBackbone, source: str | Path, config: EasyDict, complete: bool = False
) -> str:
    """Load a backbone file, a snapshot, or a library's weights into an embedding network.

    source: a file, a folder (its newest snapshot), `torchvision` or `timm` (download their weights for `config`, the
    `network` group), or `package:NAME` (an installed package's); complete: whether every parameter must be in it.
    Returns one line that says what was loaded, renamed, and left at its initial value. Raises UserError where shapes
    differ or nothing fits.
    """
    content, source = _read_source(source, config)
    state = _tensors(content, source, network)
    own = network.state_dict()
    known = {k: v for k, v in state.items() if k in own}
    if not any(k.startswith("resnet_backbone.") for k in known):
        raise UserError(f"{source}: none of its tensors belongs to the backbone; first key: {next(iter(state))!r}")
    _check_shapes(network, known, source)
    check_finite(known, source)
    network.load_state_dict(known, strict=False)
    initial = [k for k in own if k not in known and not k.endswith(UNUSED_KEYS[-1])]
    if complete and initial:
        raise UserError(f"{source}: lacks {first_of(initial)}; expected a snapshot of this network")
    renamed = len(set(known) - {k.removeprefix("module.") for k in _unwrap(content) if isinstance(k, str)})
    extra = [k for k in state if k not in own and not k.startswith(UNUSED_KEYS)]
    return f"{source}: {len(known)} tensors loaded, {renamed} of them renamed; {_rest(initial, extra)}"


def _read_source(source: str | Path, config: EasyDict) -> tuple[dict[str, Any], str | Path]:
    """The content of what `load_pretrained` is given, and the file it lies in."""
    if source == "torchvision":
        return torchvision_weights(config), source
    if source == "timm" or str(source).startswith(PACKAGE_SOURCE):
        if not config.backbone_types.endswith("_timm"):
            raise UserError(
                f"network.pretrained is {source}, which is for panoptic_{{deeplab,pspnet}}_timm, "
                f"but network.backbone_types is {config.backbone_types}"
            )
        read = timm_weights if source == "timm" else package_weights
        return read(config.timm_model, str(source)), source
    path = newest_snapshot(source) if Path(source).is_dir() else source
    return load_checked(path), path


def _rest(initial: list[str], extra: list[str]) -> str:
    line = f"{len(initial)} left at their initial value" + (f" ({_groups(initial)})" if initial else "")
    return line + (f"; {len(extra)} of the file unused ({_groups(extra)})" if extra else "")


def _groups(keys: list[str]) -> str:
    groups = dict.fromkeys(".".join(k.removeprefix(PREFIX).split(".")[:2]) for k in keys)
    return few_of(groups, 6)


def torchvision_weights(config: EasyDict) -> dict[str, torch.Tensor]:
    """torchvision's ImageNet weights of a ResNet-18, 50 or 101, for a network with its stem."""
    depth = config.backbone_types.rsplit("_", 1)[-1]
    if depth == "timm":
        raise UserError("network.pretrained is torchvision, expected timm, a file or package:NAME for a timm backbone")
    if config.stem != "torchvision":
        raise UserError(f"network.pretrained is torchvision, but network.stem is {config.stem!r}, expected torchvision")
    try:
        from torchvision.models import get_model_weights

        return get_model_weights(f"resnet{depth}").IMAGENET1K_V1.get_state_dict(progress=True)
    except ValueError:
        raise UserError(
            f"network.pretrained is torchvision, which has no ResNet-{depth}; choose 18, 50 or 101"
        ) from None
    except OSError as error:
        raise UserError(f"network.pretrained is torchvision, but the weights cannot be downloaded ({error})") from None


def load_into(module: nn.Module, state: Any, path: str | Path, share: bool = True) -> None:
    """Load every parameter of a module; raises UserError where a key, a value or a shape is not the module's.

    share: take the tensors of `state` themselves as the module's parameters, instead of copying them into its own.
    """
    if not isinstance(state, dict):
        raise UserError(f"{path}: holds no embedding_model and prediction_model; not a snapshot of this program")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise UserError(f"{path}: {key!r} is no named tensor; not a snapshot of this program")
    state = {k.removeprefix("module."): v for k, v in state.items()}
    state = {k: v for k, v in state.items() if not k.startswith("lfn.")}
    own = {k for k in module.state_dict() if not k.startswith("lfn.")}
    missing, extra = sorted(own - set(state)), sorted(set(state) - own)
    if missing or extra:
        what = f"lacks {missing[0]}" if missing else f"has {extra[0]}, which this config's network has not"
        raise UserError(f"{path}: {what} ({len(missing)} missing, {len(extra)} unknown); check network.backbone_types")
    _check_shapes(module, state, path)
    check_finite(state, path)
    module.load_state_dict(state, strict=False, assign=share)


class _WithoutInitialValues(TorchFunctionMode):
    """Inside, modules are built without drawing initial values (which on the meta device would import a compiler)."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return function(*args, **kwargs)


def load_snapshot(
    config: EasyDict, path: str | Path, device: torch.device | str = "cpu", with_classifier: bool = False
) -> tuple[EmbeddingNetwork, Classifier | None]:
    """The networks of a snapshot in eval mode: the embedding network, and the classifier or None."""
    inference = type(config)({**config, "network": {**config.network, "local_features": "location"}})
    with torch.device("meta"), _WithoutInitialValues():
        embedding = build_embedding(inference)
        classifier = build_classifier(inference) if with_classifier else None
    _fill(embedding, classifier, path, device)
    return embedding, classifier


def load_cam(config: EasyDict, path: str | Path, device: torch.device | str = "cpu") -> tuple[CamBackbone, CamHead]:
    """The backbone and head of a tag classifier's snapshot in eval mode."""
    with torch.device("meta"), _WithoutInitialValues():
        backbone, head = build_cam(config)
    _fill(backbone, head, path, device)
    return backbone, head


def _fill(embedding: nn.Module, prediction: nn.Module | None, path: str | Path, device: torch.device | str) -> None:
    content = load_checked(path, device)
    modules = {"embedding_model": embedding, "prediction_model": prediction}
    for name, module in modules.items():
        if module is not None:
            load_into(module, content.get(name), path)
            module.eval().requires_grad_(False).to(device)  # tables of positions, which no snapshot holds
