"""Which configuration values are possible: choices, ranges, and values that must fit together."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from spml.config.show import show
from spml.config.tree import relations
from spml.errors import UserError

_KEY = r"\b(?:num_threads|(?:network|dataset|train|test)\.\w+)"

RESNET_STAGES = 5  # stem, res2, ..., res5

NEED_LABELS = ("sem_ann", "feat_aff")  # relations that are nothing without labelled pixels

_RELATIONS = relations()

_CHOICES: dict[str, tuple] = {
    "network.stem": ("deep", "torchvision"),
    "network.timm_output_stride": (8, 16, 32),
    "network.prediction_types": ("segsort", "softmax_classifier", "cam"),
    "network.local_features": ("location", "location_colour"),
    "dataset.background": ("0", "none"),
    "train.amp": ("none", "bf16", "fp16"),
    "train.second_stage": ("classifier", "finetune", "repeat"),
    "test.amp": ("none", "bf16", "fp16"),
    "test.classify": ("pixels", "embedding"),
    "test.prototypes": ("float32", "float16"),
    "train.lr_policy": ("step", "poly"),
    "train.img_sim_features": ("with_local", "plain"),
    **{f"train.{name}_loss_types": ("none", "segsort") for name in _RELATIONS},
}

# key -> smallest, and what is said of it; three numbers up to 1 each.
_COLOURS = {"network.pixel_means": (0, "colours in 0..1"), "network.pixel_stds": (1e-6, "colours in 0..1, above 0")}
_PAIRS = ("network.kmeans_num_clusters", "train.crop_size", "test.crop_size", "test.stride")
_LARGEST_SIDE = 1 << 14
_LARGEST_SCALE = 100

# key -> (smallest, largest); the ends are allowed.
_RANGES = {
    "num_threads": (0, 1024),
    "network.bn_momentum": (0, 1),
    "network.embedding_dim": (1, 1 << 14),
    "network.label_divisor": (255, 1 << 20),
    "network.kmeans_iterations": (0, 10000),
    "dataset.num_classes": (2, 254),
    "dataset.semantic_ignore_index": (255, 255),
    "dataset.unlabelled_index": (0, 255),
    "dataset.max_side": (0, 10**6),
    "dataset.max_pixels": (1, 10**12),
    "train.max_iteration": (1, 10**9),
    "train.begin_iteration": (0, 10**9),
    "train.seed": (0, 2**32 - 1),
    "train.snapshot_step": (1, 10**9),
    "train.keep_snapshots": (1, 10**9),
    "train.tensorboard_step": (1, 10**9),
    "network.timm_layers": (1, 1000),
    "train.freeze_at": (0, 1000),
    "train.base_lr": (0, 1e3),
    "train.weight_decay": (0, 1),
    "train.momentum": (0, 1),
    "train.warmup_iteration": (0, 10**9),
    "train.batch_size": (1, 1 << 14),
    "train.accumulate": (1, 1 << 14),
    "train.validate_step": (0, 10**9),
    "train.validate_images": (1, 10**9),
    "train.memory_bank_size": (0, 10**6),
    "test.images_at_once": (1, 1 << 10),
    "test.image_size": (0, 1 << 16),
    **{f"train.{name}_concentration": (0, 1e3) for name in _RELATIONS},
    **{f"train.{name}_loss_weight": (0, 1e6) for name in _RELATIONS},
}


def _get(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value[part]
    return value


def check(config: Mapping[str, Any], place_of: Callable[[set[str]], str]) -> None:
    """Raise UserError where a value of the merged config is impossible, naming the key.

    place_of: where one of several keys was given its value, with which the line begins.
    """
    for complaint in (_impossible_alone(config) or _impossible_lists(config) or _impossible_together(config))[:1]:
        raise UserError(f"{place_of({*re.findall(_KEY, complaint)})}: {complaint}")


def _impossible_alone(config: Mapping[str, Any]) -> list[str]:
    wrong = [
        f"{key} is {_get(config, key)!r}, expected one of {', '.join(map(str, choices))}"
        for key, choices in _CHOICES.items()
        if _get(config, key) not in choices
    ]
    for key, (low, high) in _RANGES.items():
        if not low <= _get(config, key) <= high:
            span = f"{low}" if low == high else f"between {low} and {high}"
            wrong.append(f"{key} is {_get(config, key)!r}, expected {span}")
    return wrong


def _impossible_lists(config: Mapping[str, Any]) -> list[str]:
    wrong = [
        f"{key} is {show(_get(config, key))}, expected two whole numbers [h, w] from 1 to {_LARGEST_SIDE}"
        for key in _PAIRS
        if len(_get(config, key)) != 2 or not 1 <= min(_get(config, key)) <= max(_get(config, key)) <= _LARGEST_SIDE
    ]
    wrong += [
        f"{key} is {show(_get(config, key))}, expected [r, g, b] of {colours}; divide those of 0..255 by 255"
        for key, (low, colours) in _COLOURS.items()
        if len(_get(config, key)) != 3 or not low <= min(_get(config, key)) <= max(_get(config, key)) <= 1
    ]
    scales, decays = config["test"]["scales"], config["train"]["decay_iterations"]
    if not scales or not 0 < min(scales) <= max(scales) <= _LARGEST_SCALE:
        wrong.append(f"test.scales is {show(scales)}, expected positive numbers up to {_LARGEST_SCALE}")
    if decays and min(decays) < 0:
        wrong.append(f"train.decay_iterations is {show(decays)}, expected whole numbers from 0")
    return wrong


def _impossible_together(config: Mapping[str, Any]) -> list[str]:
    return [
        *_wrong_backbone(config["network"], config["train"]["freeze_at"]),
        *_wrong_classes(config["dataset"]),
        *_wrong_training(config["train"]),
        *_wrong_validation(config),
        *_wrong_windows(config["test"]),
    ]


def _wrong_backbone(network: Mapping[str, Any], freeze_at: int) -> list[str]:
    """What is wrong with the backbone's keys; how many stages a timm model has is seen when it is built."""
    if is_timm(network):
        empty = "network.timm_model is empty, expected a model of timm, such as tf_efficientnet_lite0"
        return [] if network["timm_model"] else [empty]
    return [f"train.freeze_at is {freeze_at}, expected between 0 and 5"] if freeze_at > RESNET_STAGES else []


def is_timm(network: Mapping[str, Any]) -> bool:
    """Whether `network.backbone_types` of a configuration names a timm backbone."""
    return str(network["backbone_types"]).endswith("_timm")


def _wrong_classes(dataset: Mapping[str, Any]) -> list[str]:
    classes, mirror, unlabelled = (dataset[key] for key in ("num_classes", "mirror_classes", "unlabelled_index"))
    wrong = []
    if mirror and sorted(mirror) != list(range(classes)):
        wrong.append(
            f"dataset.mirror_classes is {show(mirror)}, and dataset.num_classes is {classes}; "
            f"set dataset.mirror_classes to each class 0..{classes - 1} once, in the order of a mirrored image, "
            "or to [] where classes have no sides"
        )
    elif mirror and any(mirror[side] != label for label, side in enumerate(mirror)):
        wrong.append(f"dataset.mirror_classes is {show(mirror)}, expected pairs that change places")
    elif mirror and mirror[0] and dataset["background"] == "0":
        wrong.append(
            f"dataset.mirror_classes[0] is {mirror[0]}, expected 0, the background; "
            "only with dataset.background: none may class 0 have sides"
        )
    if unlabelled < classes:
        wrong.append(f"dataset.unlabelled_index is {unlabelled}, expected {classes}..255, beyond the classes")
    return wrong


def _wrong_training(train: Mapping[str, Any]) -> list[str]:
    begin, end = train["begin_iteration"], train["max_iteration"]
    wrong = []
    if begin >= end:
        wrong.append(f"train.begin_iteration is {begin}, expected less than train.max_iteration, {end}")
    wrong += [
        f"train.label_maps is false, expected true where train.{name}_loss_types is {train[f'{name}_loss_types']}"
        for name in NEED_LABELS
        if not train["label_maps"] and train[f"{name}_loss_types"] != "none"
    ]
    return wrong + [
        f"train.{name}_concentration is 0, expected a positive number for its loss"
        for name in _RELATIONS
        if train[f"{name}_loss_types"] != "none" and train[f"{name}_concentration"] <= 0
    ]


def _wrong_validation(config: Mapping[str, Any]) -> list[str]:
    step, kind = config["train"]["validate_step"], config["network"]["prediction_types"]
    if not step or kind != "cam":
        return []
    return [f"train.validate_step is {step}, expected 0: network.prediction_types cam predicts tags, no masks"]


def _wrong_windows(test: Mapping[str, Any]) -> list[str]:
    stride, crop = test["stride"], test["crop_size"]
    if all(step <= side for step, side in zip(stride, crop, strict=True)):
        return []
    return [f"test.stride is {stride}, expected at most test.crop_size, {crop}: windows must leave no gap"]
