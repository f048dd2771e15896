"""Other forms of a configuration: flat, plain, its relations."""

from pathlib import Path

import pytest

from spml.config import defaults, flat, load_config, plain, relations

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").rglob("*.yaml"))


def test_flat_names_every_value_by_its_dotted_key():
    values = flat({"a": 1, "b": {"c": [2, 3], "d": {"e": "x"}}, "empty": {}})
    assert values == {"a": 1, "b.c": [2, 3], "b.d.e": "x"}


def test_plain_has_no_other_types_than_yaml():
    tree = plain(load_config())
    assert type(tree) is dict and type(tree["train"]) is dict and type(tree["train"]["crop_size"]) is list
    assert tree == defaults()


def test_defaults_belong_to_the_caller():
    defaults()["train"]["crop_size"].append(7)
    assert defaults()["train"]["crop_size"] == [512, 512]


def test_relations_are_those_of_the_paper():
    assert relations() == ("sem_ann", "sem_occ", "img_sim", "feat_aff")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_configuration_of_the_project_loads_and_fits_its_classes(path):
    config = load_config(path)
    assert len(config.dataset.mirror_classes) in (0, config.dataset.num_classes)
    sides = config.network.local_features == "location_colour"  # what a DensePose-like recipe needs stands in its file
    assert sides == config.network.affinity_space == (config.train.img_sim_features == "plain")
    assert sides == ("parts" in path.stem or path.parent.name == "densepose")
