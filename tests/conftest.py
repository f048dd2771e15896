"""Fixtures that tests of several areas share: golden figures, a tiny data set on disk, a tiny configuration."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import settings
from marks import NO_CUDA
from trunk import Trunk

from spml.config import load_config
from spml.data.files import write_image
from spml.data.lists import write_list

pytest_plugins = ["inference_fixtures", "log_fixtures"]

settings.register_profile("spml", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("spml")

GOLDEN = Path(__file__).parent / "golden"

TINY = {
    "num_threads": 0,
    "network": {
        "backbone_types": "panoptic_deeplab_tiny",
        "embedding_dim": 8,
        "label_divisor": 2048,
        "kmeans_iterations": 3,
        "kmeans_num_clusters": [2, 2],
    },
    "dataset": {"num_classes": 4},
    "train": {
        "max_iteration": 3,
        "snapshot_step": 3,
        "tensorboard_step": 2,
        "lr_policy": "poly",
        "base_lr": 0.003,
        "weight_decay": 0.0005,
        "batch_size": 2,
        "crop_size": [32, 32],
        "memory_bank_size": 2,
        "sem_ann_loss_types": "segsort",
        "sem_ann_concentration": 6,
        "sem_ann_loss_weight": 0.3,
        "sem_occ_loss_types": "segsort",
        "sem_occ_concentration": 8,
        "sem_occ_loss_weight": 0.3,
        "img_sim_loss_types": "segsort",
        "img_sim_concentration": 16,
        "img_sim_loss_weight": 0.1,
    },
}


def pytest_collection_modifyitems(items):
    """Recipes first: they take longest, and no process shall be left alone with them."""
    items.sort(key=lambda item: "recipes" not in item.path.parts)


@pytest.fixture(scope="session")
def trunk(tmp_path_factory):
    """The process with torch loaded whose forks run scripts that are signalled and killed."""
    trunk = Trunk(tmp_path_factory.mktemp("trunk"))
    yield trunk
    trunk.close()


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=NO_CUDA)])
def device(request):
    """Each device that tests of tensors run on: the CPU, and CUDA where there is one."""
    return torch.device(request.param)


@pytest.fixture(scope="session")
def golden():
    """Loads a file of tests/golden by its name: arrays as tensors, text as numpy arrays, JSON as it is."""

    def load(name):
        if name.endswith(".json"):
            return json.loads((GOLDEN / name).read_text())
        with np.load(GOLDEN / f"{name}.npz") as arrays:
            return {k: torch.from_numpy(v) if v.dtype.kind in "iuf" else v for k, v in arrays.items()}

    return load


@pytest.fixture
def log():
    """The lines that the package logs from INFO on, as (level, text) pairs."""
    lines, logger = [], logging.getLogger("spml")
    handler, level = logging.Handler(), logger.level
    handler.emit = lambda record: lines.append((record.levelname, record.getMessage()))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


def merged(base, changes):
    """Nested dicts, the values of `changes` winning."""
    out = dict(base)
    for key, value in changes.items():
        out[key] = merged(out.get(key, {}), value) if isinstance(value, dict) else value
    return out


@pytest.fixture(scope="session")
def tiny_yaml():
    """The tiny configuration, with changes, as YAML text."""
    return lambda **changes: yaml.safe_dump(merged(TINY, changes))


@pytest.fixture
def write_config(tmp_path, tiny_yaml):
    """Writes the tiny configuration, with changes, as YAML and returns its path."""

    def write(**changes):
        path = tmp_path / "config.yaml"
        path.write_text(tiny_yaml(**changes))
        return path

    return write


@pytest.fixture
def tiny_config(write_config):
    """Builds the tiny configuration, with changes, as the program sees it."""

    def build(**changes):
        return load_config(write_config(**changes))

    return build


@dataclass(frozen=True)
class TinyData:
    """A data directory, its list, and the names of its images."""

    root: Path
    list: Path
    ids: tuple


def tiny_scene(seed, size=40):
    """Image, weak label and over-segmentation of one scene: stripes of colour, each with a labelled dot."""
    rng = np.random.default_rng(seed)
    regions = np.repeat(np.arange(4, dtype=np.uint8), size // 4)[None].repeat(size, 0)
    classes = rng.permutation(4).astype(np.uint8)
    image = (60 * classes[regions][..., None] + rng.integers(0, 40, (size, size, 3))).astype(np.uint8)
    semantic = np.full((size, size), 254, np.uint8)
    for region in range(4):
        semantic[10:30, region * 10 + 2 : region * 10 + 8] = classes[region]
    return image, semantic, regions


@pytest.fixture(scope="session")
def write_tiny_data():
    """Writes four 40-pixel scenes with 4 classes, most pixels of them unlabelled, into a folder."""
    return _write_tiny_data


def _write_tiny_data(folder):
    root, ids = folder / "data", tuple("abcd")
    for seed, name in enumerate(ids):
        for kind, pixels in zip(("image", "semantic", "instance"), tiny_scene(seed), strict=True):
            write_image(root / kind / f"{name}.png", pixels)
    rows = [tuple(f"{kind}/{name}.png" for kind in ("image", "semantic", "instance")) for name in ids]
    write_list(folder / "train.txt", rows)
    return TinyData(root, folder / "train.txt", ids)


@pytest.fixture
def tiny_data(tmp_path):
    """The tiny data in the test's own folder."""
    return _write_tiny_data(tmp_path)
