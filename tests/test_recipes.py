"""The toy recipes from end to end, at a reduced size, sourced as a user sources them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALL = {
    "MAKE_TOY": "--num_train 6 --num_val 3 --workers 0",
    "OPTS": "train.max_iteration 2 train.snapshot_step 1 train.batch_size 4",
}
# The environment before and after, but for what any command changes.
SHOW_SHELL = "{ set -o; shopt; pwd; compgen -A function; compgen -v | grep -vE '^(BASH|PIPESTATUS|_$|LINENO|RANDOM)'; }"


def source(recipe, folder, command="", **variables):
    """Source a recipe in a fresh bash, in miniature; returns the finished process."""
    data = folder / ("parts" if recipe == "parts" else "scenes")
    settings = {**SMALL, "DATA": str(data), "OUT": str(folder / "out"), "SPML_PYTHON": sys.executable, **variables}
    script = ROOT / "bashscripts" / "toy" / f"train_spml_{recipe}.sh"
    command = command or f"source {script}"
    environment = {**os.environ, **settings}
    return subprocess.run(["bash", "-c", command], env=environment, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("recipe", "scores"),
    [
        ("point", ["retrieval", "softmax_crf", "pseudo_softmaxrw", "final_msc_crf", "weak_only", "full"]),
        ("tag", ["pseudo_camrw", "pseudo_retrieved", "pseudo_retrieved_2", "final_msc_crf", "weak_only"]),
        ("box", ["pseudo_softmaxrw", "final_msc_crf", "weak_only", "full"]),
        ("parts", ["pseudo_denseposerw", "no_affinity", "points_only", "final_msc_crf"]),
    ],
)
def test_a_recipe_runs_every_stage_and_ends_with_its_table(recipe, scores, tmp_path):
    done = source(recipe, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in scores:
        assert 0 <= json.loads((tmp_path / f"out/scores/{name}.json").read_text())["mean_iou"] <= 100
    assert "final classifier, multi-scale + flip + CRF" in done.stdout
    assert (tmp_path / "out/table.md").is_file()


def test_a_sourced_recipe_leaves_the_shell_as_it_was_and_can_stop_and_go_on(tmp_path):
    script = ROOT / "bashscripts/toy/train_spml_scribble.sh"
    command = f"{SHOW_SHELL} > before; source {script}; echo status $?; {SHOW_SHELL} > after"
    first = source("scribble", tmp_path, command, TO="embedding")
    assert "status 0" in first.stdout, first.stdout + first.stderr
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
    assert not (tmp_path / "out/prototypes").exists()
    second = source("scribble", tmp_path, command, TO="prototypes")
    assert "== embedding: complete" in second.stdout
    assert len(list((tmp_path / "out/prototypes/semantic_prototype").glob("*.npz"))) == 6


def test_a_failed_stage_ends_the_recipe_even_where_bash_would_ignore_it(tmp_path):
    script = ROOT / "bashscripts/toy/train_spml_scribble.sh"
    done = source("scribble", tmp_path, f"source {script} || echo failed $?", OPTS="train.nonsense 1")
    assert "failed 1" in done.stdout
    assert "unknown key train.nonsense" in done.stderr
    assert "== prototypes" not in done.stdout
