"""What is laid over the defaults: YAML files with their `_base_`, a preset, keys given by --opts or in code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from spml.config.show import show
from spml.config.tree import DEFAULT_PATH, FOLDER, defaults, flat
from spml.data.files import read_text
from spml.errors import UserError

QUOTES = ("'", '"')


@dataclass(frozen=True)
class Layer:
    """Nested values, and where they come from, for messages."""

    where: str
    values: dict[str, Any]


def read_yaml(path: Path, parents: tuple[Path, ...] = ()) -> list[Layer]:
    """The layers of a YAML file, those of its `_base_` files first.

    parents: the files that led here by `_base_`. Raises UserError where one is missing, is no mapping in YAML, or
    leads back to itself.
    """
    content = _parse_file(path)
    base = content.pop("_base_", None)
    layer = Layer(str(path), content)
    if base is None:
        return [layer]
    if not isinstance(base, str) or "\0" in base:
        raise UserError(f"config {path}: _base_ is {show(base)}, expected the path of a YAML file")
    base_path = (path.parent / base).resolve()
    if base_path in (*parents, path.resolve()):
        raise UserError(f"config {path}: _base_ {base} leads back to itself")
    return [*read_yaml(base_path, (*parents, path.resolve())), layer]


def _parse_file(path: Path) -> dict[str, Any]:
    text = read_text(path, "config")
    try:
        content = yaml.safe_load(text)
    except Exception as error:  # tags as !!bool and !!timestamp raise anything for what they do not expect
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"config {path}: not valid YAML ({reason})") from None
    if not isinstance(content, dict):
        raise UserError(f"config {path}: expected a mapping of keys to values, not {show(content)}")
    return content


def read_preset(name: str) -> Layer:
    """The layer that goes by this name in spml/config; raises UserError where there is none."""
    path = FOLDER / f"{name}.yaml"
    names = sorted(path.stem for path in FOLDER.glob("*.yaml") if path != DEFAULT_PATH)
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
        value = yaml.safe_load(text) if quoted or not isinstance(default, str) else text
    except Exception:  # as above
        value = text if isinstance(default, str) else None
        if value is None:
            raise UserError(f"--opts {key}: {show(text)} is not a YAML value") from None
    return text if isinstance(default, str) and not isinstance(value, str) else value


def _nest(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value
