"""Configuration: defaults <- what the data set implies <- YAML (with `_base_`) <- `key value` pairs of --opts."""

import difflib
import subprocess
import sys
from pathlib import Path

import yaml
from easydict import EasyDict

from spml.config.rules import check
from spml.errors import UserError

FOLDER = Path(__file__).resolve().parent
DEFAULT_PATH = FOLDER / "default.yaml"

# What the name in `dataset.dataset` implies unless the YAML says otherwise.
DATASET_DEFAULTS = {
    "densepose": {
        "network": {"local_features": "location_colour", "affinity_space": True},
        "dataset": {"num_classes": 15, "mirror_classes": [0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14]},
        "train": {"img_sim_features": "plain"},
    },
}

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


def load_config(path=None, opts=(), dataset=None):
    """Merge defaults, YAML file and command-line pairs into one EasyDict.

    path: YAML file or None; opts: `key value` pairs in one flat sequence (dotted keys); dataset: the data set whose
    defaults hold where no layer names one. Raises UserError for unknown keys, wrong types and impossible values, naming
    the file and the key.
    """
    layers = [] if path is None else _read_yaml(Path(path), ())
    layers += _command_line(opts)
    config = yaml.safe_load(DEFAULT_PATH.read_text())
    template = yaml.safe_load(DEFAULT_PATH.read_text())
    name, implied = _dataset_defaults(layers, dataset)
    for where, layer in ((f"data set {name}", implied), *layers):
        _merge(config, layer, template, where)
    where = str(path) if path else "--opts"
    _check_implied(config, implied, name, where)
    check(config, where)
    return EasyDict(config)


def _check_implied(config, implied, name, where):
    """Classes to mirror that nobody wrote are named by where they come from."""
    mirror, classes = implied.get("dataset", {}).get("mirror_classes"), config["dataset"]["num_classes"]
    if mirror and mirror == config["dataset"]["mirror_classes"] and len(mirror) != classes:
        raise UserError(
            f"{where}: dataset.num_classes is {classes}, but the data set {name} implies dataset.mirror_classes of its "
            f"{len(mirror)} classes; set dataset.mirror_classes to each class 0..{classes - 1} once, in the order of a "
            "mirrored image, or to [] where classes have no sides"
        )


def _dataset_defaults(layers, name):
    """The last named data set and the layer that it implies."""
    groups = [layer["dataset"] for _, layer in layers if isinstance(layer.get("dataset"), dict)]
    name = next((group["dataset"] for group in reversed(groups) if "dataset" in group), name)
    return name, DATASET_DEFAULTS.get(str(name).lower(), {})


def _read_yaml(path, parents):
    """The file's layers, those of its `_base_` files first, as (where, dict) pairs."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"config {path}: cannot be read ({error})") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise UserError(f"config {path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise UserError(f"config {path}: expected a mapping of keys to values, not {content!r}")
    base = content.pop("_base_", None)
    if base is None:
        return [(str(path), content)]
    base_path = (path.parent / str(base)).resolve()
    if base_path in parents:
        raise UserError(f"config {path}: _base_ {base} leads back to itself")
    return [*_read_yaml(base_path, (*parents, base_path)), (str(path), content)]


def _command_line(opts):
    opts = list(opts or ())
    if len(opts) % 2:
        raise UserError(f"--opts {' '.join(opts)}: expected pairs of key and value, the last key has none")
    layers = []
    for key, text in zip(opts[::2], opts[1::2], strict=True):
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError):
            raise UserError(f"--opts {key}: {text!r} is not a YAML value") from None
        for part in reversed(key.split(".")):
            value = {part: value}
        layers.append(("--opts", value))
    return layers


def _merge(config, layer, template, where, prefix=""):
    """Write the values of `layer` into `config`, each coerced to the type of its default in `template`."""
    for key, value in layer.items():
        name = f"{prefix}{key}"
        if name in IGNORED_KEYS:
            if value:
                _warn_once(f"{where}: {name} has no meaning here and is ignored")
        elif key not in template:
            raise UserError(f"{where}: unknown key {name}{_nearest(name)}")
        elif isinstance(template[key], dict):
            if not isinstance(value, dict):
                raise UserError(f"{where}: {name} is a group of keys, not {value!r}")
            _merge(config[key], value, template[key], where, f"{name}.")
        else:
            config[key] = _coerce(value, template[key], where, name)


_warned = set()


def _warn_once(message):
    if message not in _warned:
        _warned.add(message)
        print(f"warning: {message}", file=sys.stderr)


def _nearest(name):
    keys = [*all_keys(), *yaml.safe_load(DEFAULT_PATH.read_text())]
    elsewhere = [key for key in keys if key.rpartition(".")[2] == name.rpartition(".")[2]]
    near = elsewhere or difflib.get_close_matches(name, keys, 1, 0.6)
    return f"; did you mean {near[0]}?" if near else "; spml/config/default.yaml lists all keys"


def all_keys(config=None, prefix=""):
    """All dotted keys of a config (None: of the defaults)."""
    config = yaml.safe_load(DEFAULT_PATH.read_text()) if config is None else config
    for key, value in config.items():
        if isinstance(value, dict):
            yield from all_keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _coerce(value, default, where, name):
    """`value` in the type of `default`; YAML 1.1 reads 3e-3 as a string, so numbers may come as text."""
    wrong = UserError(f"{where}: {name} is {value!r}, expected {_type_name(default)}, like {default!r}")
    if isinstance(default, bool | str):
        if value is None and default == "":
            return ""
        if isinstance(value, type(default)):
            return value
        raise wrong
    if isinstance(default, list):
        if not isinstance(value, list | tuple):
            raise wrong
        item = default[0] if default else 0  # a list that is empty by default is of whole numbers
        return [_coerce(v, item, where, f"{name}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong
    return _number(value, isinstance(default, int), wrong)


def _number(value, whole, wrong):
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise wrong from None
    if number != number or number in (float("inf"), float("-inf")):
        raise wrong
    if whole and number != int(number):
        raise wrong
    return int(number) if whole else number


def _type_name(default):
    names = {bool: "true or false", str: "text", list: "a list", int: "a whole number", float: "a number"}
    return names[type(default)]


def code_revision():
    """The git commit of the code, or 'unknown' outside a checkout."""
    try:
        command = ["git", "-C", str(FOLDER), "describe", "--always", "--dirty", "--abbrev=40"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def save_config(config, path):
    """Write the merged config and the code revision as YAML."""
    text = yaml.safe_dump(plain(config), sort_keys=False, default_flow_style=None)
    from spml.data.files import write_text

    write_text(path, f"# code revision: {code_revision()}\n{text}")


def plain(config):
    """An EasyDict as plain dicts and lists."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items()}
    return [plain(value) for value in config] if isinstance(config, list | tuple) else config
