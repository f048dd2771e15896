"""Configuration: every key with its default, YAML files over it, and which values are possible."""

from spml.config.loading import load_config
from spml.config.saving import code_revision, save_config
from spml.config.tree import Config, defaults, flat, plain, relations

__all__ = ["Config", "code_revision", "defaults", "flat", "load_config", "plain", "relations", "save_config"]
