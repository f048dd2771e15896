"""What stages change in the configuration of stage 1: the YAML files of configs/stages, as keys of --opts."""

import json
from dataclasses import replace
from pathlib import Path

from spml.config import flat, load_config
from spml.config.layers import read_yaml
from spml.recipes.plan import Plan


def with_stage_keys(plan: Plan, stage: str) -> Plan:
    """The plan with the keys of configs/stages/`stage`.yaml below those of OPTS."""
    settings = plan.settings
    values: dict[str, object] = {}
    for layer in read_yaml(Path(settings.root, "configs", "stages", f"{stage}.yaml")):
        values |= flat(layer.values)
    keys = tuple(word for key, value in values.items() for word in (key, _as_text(value)))
    return replace(plan, settings=replace(settings, opts=(*keys, *settings.opts)))


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def second_stage_of(plan: Plan) -> str:
    """`train.second_stage` of the configuration of stage 1, under OPTS."""
    return load_config(plan.config_path, plan.settings.opts).train.second_stage


def second_plan(plan: Plan) -> Plan:
    """The plan by whose classifier and keys the second stage trains and segments.

    A classifier on the frozen embedding has a configuration of its own; the other kinds change that of stage 1.
    """
    kind = second_stage_of(plan)
    if kind == "classifier":
        return plan
    return replace(with_stage_keys(plan, kind), classifier=plan.config, classifier_script=plan.train_script)
