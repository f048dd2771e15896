"""Which configuration values are possible: choices, ranges, and values that must fit together."""

from spml.errors import UserError

_CHOICES = {
    "network.stem": ("deep", "torchvision"),
    "network.prediction_types": ("segsort", "softmax_classifier", "cam"),
    "network.local_features": ("location", "location_colour"),
    "train.amp": ("none", "bf16"),
    "train.lr_policy": ("step", "poly"),
    "train.img_sim_features": ("with_local", "plain"),
    **{f"train.{name}_loss_types": ("none", "segsort") for name in ("sem_ann", "sem_occ", "img_sim", "feat_aff")},
}

# key -> smallest; three numbers each.
_COLOURS = {"network.pixel_means": -1e3, "network.pixel_stds": 1e-6}
_PAIRS = ("network.kmeans_num_clusters", "train.crop_size", "test.crop_size", "test.stride")

# key -> (smallest, largest); the ends are allowed.
_RANGES = {
    "num_threads": (0, 1024),
    "network.bn_momentum": (0, 1),
    "network.embedding_dim": (1, 65536),
    "network.label_divisor": (255, 1 << 20),
    "network.kmeans_iterations": (0, 10000),
    "dataset.num_classes": (2, 254),
    "dataset.semantic_ignore_index": (255, 255),
    "dataset.unlabelled_index": (0, 255),
    "train.max_iteration": (1, 10**9),
    "train.begin_iteration": (0, 10**9),
    "train.seed": (0, 2**32 - 1),
    "train.snapshot_step": (1, 10**9),
    "train.tensorboard_step": (1, 10**9),
    "train.freeze_at": (0, 5),
    "train.base_lr": (0, 1e3),
    "train.weight_decay": (0, 1),
    "train.momentum": (0, 1),
    "train.warmup_iteration": (0, 10**9),
    "train.batch_size": (1, 10**6),
    "train.memory_bank_size": (0, 10**6),
    "test.image_size": (0, 10**6),
    **{f"train.{name}_concentration": (0, 1e3) for name in ("sem_ann", "sem_occ", "img_sim", "feat_aff")},
    **{f"train.{name}_loss_weight": (0, 1e6) for name in ("sem_ann", "sem_occ", "img_sim", "feat_aff")},
}


def _get(config, key):
    for part in key.split("."):
        config = config[part]
    return config


def check(config, where):
    """Raise UserError where a value of the merged config is impossible, naming the key."""
    for key, choices in _CHOICES.items():
        if _get(config, key) not in choices:
            raise UserError(f"{where}: {key} is {_get(config, key)!r}, expected one of {', '.join(choices)}")
    for key, (low, high) in _RANGES.items():
        if not low <= _get(config, key) <= high:
            span = f"{low}" if low == high else f"between {low} and {high}"
            raise UserError(f"{where}: {key} is {_get(config, key)!r}, expected {span}")
    for key in _PAIRS:
        if len(_get(config, key)) != 2 or min(_get(config, key)) < 1:
            raise UserError(f"{where}: {key} is {_get(config, key)!r}, expected two positive whole numbers [h, w]")
    for key, low in _COLOURS.items():
        if len(_get(config, key)) != 3 or min(_get(config, key)) < low:
            raise UserError(f"{where}: {key} is {_get(config, key)!r}, expected [r, g, b], each at least {low}")
    _check_together(config, where)


def _check_together(config, where):
    dataset, train, test = config["dataset"], config["train"], config["test"]
    classes = dataset["num_classes"]
    if dataset["mirror_classes"] and sorted(dataset["mirror_classes"]) != list(range(classes)):
        raise UserError(f"{where}: dataset.mirror_classes must hold each class 0..{classes - 1} once")
    if not test["scales"] or min(test["scales"]) <= 0:
        raise UserError(f"{where}: test.scales is {test['scales']!r}, expected positive numbers")
    if dataset["unlabelled_index"] < classes:
        raise UserError(
            f"{where}: dataset.unlabelled_index is {dataset['unlabelled_index']}, "
            f"expected {classes}..255, beyond the classes"
        )
    if train["begin_iteration"] >= train["max_iteration"]:
        raise UserError(
            f"{where}: train.begin_iteration is {train['begin_iteration']}, "
            f"expected less than train.max_iteration, {train['max_iteration']}"
        )
    for name in ("sem_ann", "sem_occ", "img_sim", "feat_aff"):
        if train[f"{name}_loss_types"] != "none" and train[f"{name}_concentration"] <= 0:
            raise UserError(f"{where}: train.{name}_concentration is 0, expected a positive number for its loss")
