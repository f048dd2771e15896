"""The toy recipes from end to end, at a reduced size, sourced as a user sources them."""

import filecmp
import json
import os
import sys

import pytest
from sourcing import RECIPES, source_toy

# The environment before and after, but for what any command changes.
SHOW_SHELL = "{ set -o; shopt; pwd; compgen -A function; compgen -v | grep -vE '^(BASH|PIPESTATUS|_$|LINENO|RANDOM)'; }"

# As sitecustomize.py: once in the life of each command, when its second file is half written or, where it writes fewer,
# at its end, the whole process group is killed, the shell included.
KILLER = """
import atexit, os, signal, sys
from hashlib import sha256
replace, written = os.replace, 0
def die_once():
    mark = os.path.join({marks!r}, sha256(repr(sys.argv).encode()).hexdigest())
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.killpg(0, signal.SIGKILL)
def count(source, target):
    global written
    written += 1
    if written == 2:
        content = open(source, "rb").read()
        open(source, "wb").write(content[: len(content) // 2])
        die_once()
        open(source, "wb").write(content)
    replace(source, target)
os.replace = count
atexit.register(lambda: sys.argv[0].endswith(".py") and die_once())
"""


@pytest.fixture(scope="module")
def tag_run(tmp_path_factory):
    """An uninterrupted run of the toy tag recipe: its folder and the finished process."""
    folder = tmp_path_factory.mktemp("tag")
    return folder, source_toy("tag", folder)


def check_table(folder, done, scores):
    assert done.returncode == 0, done.stdout + done.stderr
    for name in scores:
        assert 0 <= json.loads((folder / f"out/scores/{name}.json").read_text())["mean_iou"] <= 100
    assert "final classifier, multi-scale + flip + CRF" in done.stdout
    assert (folder / "out/table.md").is_file()


@pytest.mark.parametrize(
    ("recipe", "scores"),
    [
        ("point", ["retrieval", "softmax_crf", "pseudo_softmaxrw", "final_msc_crf", "weak_only", "full"]),
        ("box", ["pseudo_seeds", "pseudo_softmaxrw", "final_msc_crf", "weak_only", "full"]),
        ("parts", ["pseudo_denseposerw", "final_msc_crf_instances", "no_affinity", "weak_only", "full"]),
    ],
)
def test_a_recipe_runs_every_stage_and_ends_with_its_table(recipe, scores, tmp_path):
    check_table(tmp_path, source_toy(recipe, tmp_path), scores)


def test_the_tag_recipe_goes_through_two_rounds_of_pseudo_labels(tag_run):
    scores = ["pseudo_seeds", "pseudo_camrw", "pseudo_retrieved", "pseudo_softmax", "pseudo_retrieved_2"]
    check_table(*tag_run, [*scores, "final_msc_crf", "weak_only"])


def test_a_recipe_killed_in_every_command_still_ends_with_the_result_of_one_that_was_not(tag_run, tmp_path):
    marks = tmp_path / "killed"
    marks.mkdir()
    (tmp_path / "sitecustomize.py").write_text(KILLER.format(marks=str(marks)))
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    kills = 0
    while (done := source_toy("tag", tmp_path, PYTHONPATH=path)).returncode == -9:
        kills += 1
        assert kills == len(list(marks.iterdir())), "a command was killed twice"
    check_table(tmp_path, done, [])
    assert kills > 25
    same_files(tag_run[0] / "out/val", tmp_path / "out/val")
    assert (tag_run[0] / "out/table.md").read_text() == (tmp_path / "out/table.md").read_text()


def test_each_stage_of_the_box_recipe_is_given_the_labels_of_the_one_before(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/bash\necho "$*" >> {tmp_path}/calls\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = source_toy("box", tmp_path, SPML_PYTHON=str(python), NPROC="2", TO="masks_weak_only")
    assert done.returncode == 0, done.stdout + done.stderr
    calls = [line for line in (tmp_path / "calls").read_text().splitlines() if "--snapshot_dir" in line]
    folder = {"embedding": "seeds", "pseudo/softmaxrw": "seeds", "weak_only": "seeds", "classifier": "softmaxrw"}
    for name, labels in folder.items():
        place = "--save_dir" if name.startswith("pseudo/") else "--snapshot_dir"
        call = next(line for line in calls if f"{place} {tmp_path}/out/{name} " in line)
        assert f"--semantic_dir {tmp_path}/out/pseudo/{labels}/semantic_gray" in call
        assert ("torch.distributed.run" in call) == (name in ("embedding", "weak_only")), call


def same_files(one, other):
    names = [path.relative_to(one) for path in one.rglob("*.png")]
    assert names
    assert filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


def test_a_sourced_recipe_leaves_the_shell_as_it_was_and_can_stop_and_go_on(tmp_path):
    script = RECIPES / "toy/train_spml_scribble.sh"
    command = f"{SHOW_SHELL} > before; source {script}; echo status $?; {SHOW_SHELL} > after"
    first = source_toy("scribble", tmp_path, command, TO="embedding")
    assert "status 0" in first.stdout, first.stdout + first.stderr
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
    assert not (tmp_path / "out/prototypes").exists()
    second = source_toy("scribble", tmp_path, command, TO="prototypes")
    assert "== embedding: complete" in second.stdout
    assert len(list((tmp_path / "out/prototypes/semantic_prototype").glob("*.npz"))) == 6


def test_a_failed_stage_ends_the_recipe_even_where_bash_would_ignore_it(tmp_path):
    script = RECIPES / "toy/train_spml_scribble.sh"
    done = source_toy("scribble", tmp_path, f"source {script} || echo failed $?", OPTS="train.nonsense 1")
    assert "failed 1" in done.stdout
    assert "unknown key train.nonsense" in done.stderr
    assert "== prototypes" not in done.stdout


@pytest.mark.parametrize("setting", ["FROM", "TO"])
def test_a_stage_that_does_not_exist_is_refused_before_any_runs(setting, tmp_path):
    done = source_toy("scribble", tmp_path, **{setting: "nonsense"})
    assert done.returncode == 1
    assert "nonsense: no such stage; FROM and TO take one of data embedding prototypes" in done.stderr
    assert not (tmp_path / "out").exists()
