"""Configuration: every key with its default, YAML files over it, and which values are possible."""

from spml.config.loading import all_keys, code_revision, load_config, plain, save_config

__all__ = ["all_keys", "code_revision", "load_config", "plain", "save_config"]
