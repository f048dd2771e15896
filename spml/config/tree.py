"""The configuration as a tree: the defaults, and other forms of a merged one."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from easydict import EasyDict

Config = EasyDict

FOLDER = Path(__file__).resolve().parent
DEFAULT_PATH = FOLDER / "default.yaml"


@cache
def _read_defaults() -> dict[str, Any]:
    return yaml.safe_load(DEFAULT_PATH.read_text(encoding="utf-8"))


def defaults() -> dict[str, Any]:
    """Every key with its default, as plain nested dicts that are the caller's own."""
    return deepcopy(_read_defaults())


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a configuration by their dotted keys, in its order; `prefix` comes before each key."""
    values: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            values.update(flat(value, f"{prefix}{key}."))
        else:
            values[f"{prefix}{key}"] = value
    return values


def plain(config: Any) -> Any:
    """A configuration, or a part of one, as plain dicts and lists."""
    if isinstance(config, Mapping):
        return {key: plain(value) for key, value in config.items()}
    return [plain(value) for value in config] if isinstance(config, list | tuple) else config


def relations() -> tuple[str, ...]:
    """Names of the relations: those that `train.NAME_loss_types` of the defaults switch on."""
    ending = "_loss_types"
    return tuple(key.removesuffix(ending) for key in _read_defaults()["train"] if key.endswith(ending))
