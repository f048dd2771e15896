"""What is laid over the defaults: YAML files with their `_base_`, a preset, keys given by --opts or in code."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spml.config.show import show
from spml.config.tree import DEFAULT_PATH, PACKAGED, defaults, flat
from spml.data.files import read_text
from spml.data.yaml_text import parse_yaml
from spml.errors import UserError

QUOTES = ("'", '"')
MOST_BASES = 20
LONGEST_PATH = 1000


@dataclass(frozen=True)
class Layer:
    """Nested values, and where they come from, for messages."""

    where: str
    values: dict[str, Any]


def read_yaml(path: Path, parents: tuple[Path, ...] = ()) -> list[Layer]:
    """The layers of a YAML file, those of its `_base_` files first.

    parents: the files that led here by `_base_`. Raises UserError where one is missing, is no mapping in YAML, leads
    back to itself, or where more than MOST_BASES stand on each other.
    """
    content = _parse_file(path)
    base = content.pop("_base_", None)
    layer = Layer(str(path), content)
    if base is None:
        return [layer]
    if not isinstance(base, str) or not _may_be_path(base):
        raise UserError(f"config {path}: _base_ is {show(base)}, expected the path of a YAML file")
    if len(parents) >= MOST_BASES:
        raise UserError(f"config {path}: _base_ {base} is one too many, expected at most {MOST_BASES} on each other")
    base_path = Path(os.path.realpath(path.parent / base))  # Path.resolve fails where links go in a circle
    if base_path in (*parents, path.resolve()):
        raise UserError(f"config {path}: _base_ {base} leads back to itself")
    return [*read_yaml(base_path, (*parents, path.resolve())), layer]


def _may_be_path(text: str) -> bool:
    """Whether a text can be the name of a file: no system takes null bytes, half letters and thousands of letters."""
    return "\0" not in text and len(text) <= LONGEST_PATH and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _parse_file(path: Path) -> dict[str, Any]:
    text = read_text(path, "config")
    try:
        content = parse_yaml(text)
    except ValueError as error:
        raise UserError(f"config {path}: not valid YAML ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"config {path}: expected a mapping of keys to values, not {show(content)}")
    return content


def read_preset(name: str) -> Layer:
    """The layer that goes by this name in spml/config; raises UserError where there is none."""
    path = PACKAGED / f"{name}.yaml"
    names = sorted(path.stem for path in PACKAGED.glob("*.yaml") if path != DEFAULT_PATH)
    if name not in names:
        raise UserError(f"preset {name!r}: expected one of {', '.join(names)}")
    return Layer(f"preset {name}", read_yaml(path)[0].values)


def given_layers(opts: Sequence[str] | Mapping[str, Any]) -> list[Layer]:
    """Keys given from outside: a flat sequence `key text key text ...`, or a dict of dotted or nested keys.

    Texts are read as YAML, but those of keys that hold text are taken as they are, unless in quotes. Raises UserError
    for a key without a value and for what is no YAML.
    """
    if isinstance(opts, Mapping):
        return [Layer("opts", _nest(str(key), value)) for key, value in opts.items()]
    words = list(opts or ())
    if len(words) % 2:
        raise UserError(f"--opts {' '.join(words)}: expected pairs of key and value, the last key has none")
    kinds = flat(defaults())
    pairs = zip(words[::2], words[1::2], strict=True)
    return [Layer("--opts", _nest(key, _parse_text(key, text, kinds.get(key)))) for key, text in pairs]


def _parse_text(key: str, text: str, default: Any) -> Any:
    quoted = len(text) > 1 and text[0] in QUOTES and text[-1] == text[0]
    try:
        value = parse_yaml(text) if quoted or not isinstance(default, str) else text
    except ValueError:
        value = text if isinstance(default, str) else None
        if value is None:
            raise UserError(f"--opts {key}: {show(text)} is not a YAML value") from None
    return text if isinstance(default, str) and not isinstance(value, str) else value


def _nest(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value
