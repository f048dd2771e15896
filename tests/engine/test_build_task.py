"""Which tasks a configuration may name, and what each starts from."""

from pathlib import Path

import pytest
import torch
from tiny_tasks import classifier_task, gradients, random_batch

from spml.config import flat, load_config
from spml.config.layers import read_yaml
from spml.engine import batch_norm
from spml.engine.tasks import TASKS, EmbeddingTask, build_memory, build_task, load_weights
from spml.errors import UserError
from spml.segments.memory_bank import MemoryBank

ROOT = Path(__file__).resolve().parents[2]
NO_RELATION = {f"{name}_loss_types": "none" for name in ("sem_ann", "sem_occ", "img_sim")}
NO_WEIGHT = {f"{name}_loss_weight": 0 for name in ("sem_ann", "sem_occ", "img_sim")}
END_TO_END = {"cross_entropy_trains_embedding": True}


def test_a_classifier_needs_an_embedding_to_train_on(tiny_config):
    config = tiny_config(network={"prediction_types": "softmax_classifier"})
    with pytest.raises(UserError, match="network.pretrained is empty"):
        load_weights(build_task(config), config)


@pytest.mark.parametrize(
    ("changes", "train"),
    [
        ({"backbone_types": "panoptic_pspnet_tiny"}, {"batch_size": 2}),
        ({"backbone_types": "panoptic_deeplab_tiny"}, {"batch_size": 1}),
        ({"backbone_types": "panoptic_pspnet_tiny", "prediction_types": "cam"}, {"batch_size": 1}),
    ],
)
def test_the_smallest_batches_that_batch_norm_takes_train(tiny_config, changes, train):
    task = build_task(tiny_config(network=changes, train=train))
    result = task.train_mode()(random_batch(images=train["batch_size"]), MemoryBank(0))
    assert torch.isfinite(result.total)


def test_a_psp_head_is_not_trained_on_batches_of_one(tiny_config, monkeypatch):
    network = {"backbone_types": "panoptic_pspnet_tiny", "use_syncbn": True}
    config = tiny_config(network=network, train={"batch_size": 1})
    with pytest.raises(UserError, match="train.batch_size is 1, expected at least 2: the head of panoptic_pspnet"):
        build_task(config)
    monkeypatch.setattr(batch_norm, "world_size", lambda: 2)
    assert isinstance(build_task(config), EmbeddingTask)
    config.network.use_syncbn = False
    with pytest.raises(UserError, match="train.batch_size"):
        build_task(config)


def test_a_classifier_is_trained_on_batches_of_one_under_a_psp_head(tiny_config, tmp_path):
    task, _ = classifier_task(tiny_config, tmp_path, backbone_types="panoptic_pspnet_tiny")
    assert torch.isfinite(task(random_batch(images=1), MemoryBank(0)).total)


@pytest.mark.parametrize(
    "train", [NO_RELATION, NO_WEIGHT, NO_RELATION | END_TO_END | {"sem_ann_loss_weight": 0}, NO_WEIGHT | END_TO_END]
)
def test_an_embedding_that_no_loss_reaches_is_not_trained(tiny_config, train):
    with pytest.raises(UserError, match=r"nothing trains the embedding: .*_loss_types .*_loss_weight") as error:
        build_task(tiny_config(train=train))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "train",
    [
        NO_RELATION | END_TO_END,
        {**NO_RELATION, "img_sim_loss_types": "segsort"},
        {**NO_WEIGHT, "sem_occ_loss_weight": 1},
    ],
)
def test_an_embedding_that_one_loss_reaches_is_trained(tiny_config, train):
    task = build_task(tiny_config(train=train))
    names = gradients(task, task.train_mode()(random_batch(), MemoryBank(0)))
    assert any(name.startswith("embedding_model.aspp") for name in names)


YAMLS = sorted((ROOT / "configs").glob("*/*.yaml"))
FINISHED = [path for path in YAMLS if path.stem != "base" and path.parent.name != "stages"]
SMALL = {"network.backbone_types": "panoptic_deeplab_tiny", "network.pretrained": ""}


@pytest.mark.parametrize("path", FINISHED, ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_every_finished_configuration_trains_something(path):
    config = load_config(path, SMALL)
    if config.network.prediction_types == "segsort":
        assert isinstance(build_task(config), EmbeddingTask)


@pytest.mark.parametrize("path", [path for path in YAMLS if path.parent.name == "stages"], ids=lambda path: path.stem)
def test_every_stage_trains_something_over_stage_1(path):
    keys = {key: value for layer in read_yaml(path) for key, value in flat(layer.values).items()}
    config = load_config(ROOT / "configs/own/light.yaml", keys | SMALL)
    task = build_task(config)
    assert isinstance(task, TASKS[config.network.prediction_types])


def test_a_task_from_scratch_says_so(tiny_config):
    task = build_task(tiny_config())
    assert isinstance(task, EmbeddingTask)
    assert "random initial value" in load_weights(task, tiny_config())


def test_the_memory_has_the_size_of_the_configuration(tiny_config):
    assert build_memory(tiny_config(train={"memory_bank_size": 3})).entries.maxlen == 3
