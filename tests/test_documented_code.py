"""The Python of README and docs runs as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spml
from spml.config import load_config
from spml.data.lists import read_list
from spml.prepare.toy.make_toy import ToySettings, write_toy_set

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"train.max_iteration": 2, "train.snapshot_step": 2, "train.batch_size": 2}


def python_of(page):
    """The Python blocks of a page, in order."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


def run(code, folder):
    """Run code in a process of its own in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_the_example_of_the_readme_runs_from_an_empty_folder(tmp_path):
    (code,) = python_of("README.md")
    shorter = code.replace("num_train=40", "num_train=4").replace(
        '"train.max_iteration": 60', '"train.max_iteration": 3'
    )
    done = run(shorter + "\nprint(mask.shape, mask.dtype, scores.shape)", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(96, 96) uint8 (6, 96, 96)\n"
    assert sorted(path.name for path in (tmp_path / "snapshots/mine").glob("*.pth")) == ["model-2.pth", "state-2.pth"]


@pytest.mark.slow
def test_the_code_of_the_library_page_runs_where_the_toy_recipe_has_run(tmp_path):
    write_toy_set(tmp_path / "data/toy", ToySettings(num_train=4, num_val=1), workers=0)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "spml").symlink_to(ROOT / "spml")
    samples = read_list(tmp_path / "data/toy", tmp_path / "data/toy/lists/train_point.txt")
    config = load_config(
        ROOT / "configs/toy/point.yaml", {**SMALL, "train.max_iteration": 300, "train.begin_iteration": 299}
    )
    spml.train(config, samples, tmp_path / "snapshots/toy/point/classifier", device="cpu")
    code = "\n".join(python_of("docs/library.md")).replace('"train.max_iteration": 20', '"train.max_iteration": 2')
    done = run(code + "\nprint(mask.shape, snapshot, loss.item() > 0)", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "(96, 96) snapshots/mine/model-1.pth True"
