"""Configuration: defaults <- preset <- YAML (with `_base_`) <- keys given by --opts or in code."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spml.config.layers import Layer, given_layers, read_preset, read_yaml
from spml.config.merging import merge
from spml.config.rules import check, is_timm
from spml.config.tree import Config, flat
from spml.errors import UserError
from spml.timm_models import timm_colours

logger = logging.getLogger(__name__)


def load_config(
    path: str | Path | None = None, opts: Sequence[str] | Mapping[str, Any] = (), preset: str | None = None
) -> Config:
    """Merge defaults, preset, YAML file and given keys into one configuration.

    path: YAML file or None; opts: `key value` pairs in one flat sequence of texts, or a dict of values, by dotted keys;
    preset: the name of a file in spml/config that is laid under the YAML, such as "densepose"; what it sets and a
    YAML file does not say is logged. The colours that a timm model expects are filled in where none are given.
    Raises UserError for unknown keys, wrong types and impossible values, naming the file and the key.
    """
    layers = [] if path is None else read_yaml(_as_path(path))
    layers += given_layers(opts)
    beneath = read_preset(preset) if preset else None
    config = merge(layers if beneath is None else [beneath, *layers])
    if beneath is not None and path is not None:
        _log_preset(beneath, layers)
    check(config, lambda keys: _place_of(keys, layers, str(path) if path else "--opts"))
    if is_timm(config["network"]):
        _take_own_colours(config["network"], layers)
    return Config(config)


def _place_of(keys: set[str], layers: list[Layer], otherwise: str) -> str:
    """Where one of these keys was given its value last."""
    return next((layer.where for layer in reversed(layers) if keys & {*flat(layer.values)}), otherwise)


def _take_own_colours(network: dict[str, Any], layers: list[Layer]) -> None:
    """Set the means and deviations of colours that the timm model was trained with, where nobody says others."""
    said = {key for layer in layers for key in flat(layer.values)}
    if not said & {"network.pixel_means", "network.pixel_stds"}:
        network["pixel_means"], network["pixel_stds"] = timm_colours(network["timm_model"])


def _as_path(path: str | Path) -> Path:
    if "\0" in str(path):
        raise UserError(f"config {str(path)!r}: no path")
    return Path(path)


def _log_preset(preset: Layer, layers: list[Layer]) -> None:
    said = {key for layer in layers for key in flat(layer.values)}
    added = [f"{key} {value}" for key, value in flat(preset.values).items() if key not in said]
    if added:
        logger.info("%s sets what no YAML says: %s", preset.where, ", ".join(added))
