"""Fixtures of inference: a tiny snapshot, and scripts called on the tiny data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from spml.data.files import write_arrays
from spml.inference import tiles
from spml.models.classifier import build_classifier
from spml.models.embedding import build_embedding

INFERENCE = {"train": {"max_iteration": 3}, "test": {"image_size": 44, "crop_size": [32, 32], "stride": [24, 24]}}


@dataclass(frozen=True)
class Run:
    """Arguments of a script, and the folder of its results."""

    root: Path
    flags: tuple

    def __call__(self, main, *extra, out="out", drop=()):
        """Call a script's main with these flags, `extra` ones, and none of those in `drop`; returns its --save_dir."""
        flags = [word for pair in self.flags if pair[0] not in drop for word in pair]
        main([*map(str, flags), "--save_dir", str(self.root / out), *map(str, extra)])
        return self.root / out


@pytest.fixture
def config_path(write_config):
    """The tiny configuration with windows smaller than the image."""
    return write_config(**INFERENCE)


@pytest.fixture
def config(tiny_config):
    """The same as the program sees it."""
    return tiny_config(**INFERENCE)


@pytest.fixture
def snapshot_dir(tmp_path, config):
    """A folder with a snapshot of drawn weights, model-2.pth."""
    torch.manual_seed(0)
    models = {"embedding_model": build_embedding(config), "prediction_model": build_classifier(config)}
    (tmp_path / "snapshots").mkdir()
    torch.save({k: m.state_dict() for k, m in models.items()}, tmp_path / "snapshots" / "model-2.pth")
    return tmp_path / "snapshots"


@pytest.fixture
def call(tmp_path, tiny_data, config_path, snapshot_dir):
    """Calls a script's main on the tiny data; CRFs run in this process."""
    flags = {
        "--data_dir": tiny_data.root,
        "--data_list": tiny_data.list,
        "--cfg_path": config_path,
        "--snapshot_dir": snapshot_dir,
        "--workers": 0,
        "--device": "cpu",
    }
    return Run(tmp_path, tuple(flags.items()))


@pytest.fixture
def gallery_dir(tmp_path):
    """Files of drawn prototypes of all classes, and of none."""
    rng = np.random.default_rng(0)
    for name, count in (("a", 30), ("b", 5)):
        prototype, label = rng.standard_normal((count, 8)).astype(np.float32), rng.integers(0, 4, count)
        path = tmp_path / "gallery" / f"{name}.npz"
        write_arrays(path, prototype=prototype, prototype_label=np.append(label[1:], 254))
    return tmp_path / "gallery"


@pytest.fixture
def cut_small(monkeypatch):
    """Images beyond 48 × 64 pixels go in tiles of 64 pixels a side, 8 of them margin."""
    for name, value in {"MAX_WHOLE_PIXELS": 48 * 64, "TILE_SIDE": 64, "LOOK_MARGIN": 8}.items():
        monkeypatch.setattr(tiles, name, value)
