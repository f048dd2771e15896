"""Laying values over the defaults, each coerced to the type of its default."""

import difflib
import logging
import os
from typing import Any

from spml.config.layers import Layer
from spml.config.show import show
from spml.config.tree import defaults, flat
from spml.errors import UserError

logger = logging.getLogger(__name__)

# Keys of the published program that have no meaning here.
IGNORED_KEYS = {
    "gpus",
    "embedding_model",
    "prediction_model",
    "network.embedding_model",
    "network.prediction_model",
    "network.aspp_feature_dim",
    "network.pspp_feature_dim",
}

_warned: set[str] = set()


def merge(layers: list[Layer]) -> dict[str, Any]:
    """The defaults with all layers over them, the last one winning.

    Raises UserError for an unknown key and for a value of another type than its default.
    """
    config, template = defaults(), defaults()
    for layer in layers:
        _lay_over(config, layer.values, template, layer.where, "")
    return config


def _lay_over(config: dict, values: dict, template: dict, where: str, prefix: str) -> None:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in IGNORED_KEYS:
            if value:
                _warn_once(f"{where}: {name} has no meaning here and is ignored")
        elif key not in template:
            raise UserError(f"{where}: unknown key {' '.join(name.split())}{_nearest(name)}")
        elif isinstance(template[key], dict):
            if not isinstance(value, dict):
                raise UserError(f"{where}: {name} is a group of keys, not {show(value)}")
            _lay_over(config[key], value, template[key], where, f"{name}.")
        else:
            config[key] = _coerce(value, template[key], where, name)


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        logger.warning(message)


def _nearest(name: str) -> str:
    keys = [*flat(defaults()), *defaults()]
    elsewhere = [key for key in keys if key.rpartition(".")[2] == name.rpartition(".")[2]]
    near = elsewhere or difflib.get_close_matches(name[:100], keys, 1, 0.6)
    return f"; did you mean {near[0]}?" if near else "; spml/config/default.yaml lists all keys"


def _coerce(value: Any, default: Any, where: str, name: str) -> Any:
    """`value` in the type of `default`; YAML 1.1 reads 3e-3 as a string, so numbers may come as text."""
    wrong = UserError(f"{where}: {name} is {show(value)}, expected {_type_name(default)}, like {default!r}")
    if isinstance(default, bool | str):
        return _text_or_flag(value, default, wrong)
    if isinstance(default, list):
        if not isinstance(value, list | tuple):
            raise wrong
        item = default[0] if default else 0  # a list that is empty by default is of whole numbers
        return [_coerce(v, item, where, f"{name}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong
    return _number(value, isinstance(default, int), wrong)


def _text_or_flag(value: Any, default: bool | str, wrong: UserError) -> bool | str:
    if default == "" and value is None:
        return ""
    if isinstance(default, str) and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(default, str) and default.isdecimal() and type(value) is int:
        value = str(value)  # a choice of words, one of which is a number
    if not isinstance(value, type(default)):
        raise wrong
    return value


def _number(value: int | float | str, whole: bool, wrong: UserError) -> int | float:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise wrong from None
    if number != number or number in (float("inf"), float("-inf")):
        raise wrong
    if whole and number != int(number):
        raise wrong
    return int(number) if whole else number


def _type_name(default: Any) -> str:
    names = {bool: "true or false", str: "text", list: "a list", int: "a whole number", float: "a number"}
    return names[type(default)]
