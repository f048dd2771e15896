"""The toy recipes from end to end, at a reduced size."""

import filecmp
import json

import pytest

pytestmark = pytest.mark.slow  # starts processes

# Networks that two iterations trained are right by chance alone: more than nothing, and far from the truth.
CHANCE = (0.3, 35)


def mean_iou(folder, name):
    return json.loads((folder / f"out/scores/{name}.json").read_text())["mean_iou"]


def check_table(folder, done, scores):
    assert done.returncode == 0, done
    for name in scores:
        assert CHANCE[0] < mean_iou(folder, name) < CHANCE[1], name
    assert "final classifier, multi-scale + flip + CRF" in done.stdout
    assert (folder / "out/table.md").read_text() in done.stdout


def same_files(one, other):
    names = [path.relative_to(one) for path in one.rglob("*.png")]
    assert names
    assert filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


@pytest.fixture(scope="module")
def tag_run(tmp_path_factory, run_toy):
    """An uninterrupted run of the toy tag recipe: its folder and how it ended."""
    folder = tmp_path_factory.mktemp("tag")
    return folder, run_toy("tag", folder)


@pytest.mark.parametrize(
    ("recipe", "scores"),
    [
        ("point", ["retrieval", "softmax_crf", "pseudo_softmaxrw", "final_msc_crf", "weak_only", "full"]),
        ("box", ["pseudo_seeds", "pseudo_softmaxrw", "final_msc_crf", "weak_only", "full"]),
        ("parts", ["pseudo_denseposerw", "final_msc_crf_instances", "no_affinity", "weak_only", "full"]),
    ],
)
def test_a_recipe_runs_every_stage_and_ends_with_its_table(recipe, scores, tmp_path, run_toy):
    check_table(tmp_path, run_toy(recipe, tmp_path), scores)
    assert (tmp_path / "out/contact_sheet.png").is_file()


def test_the_tag_recipe_goes_through_two_rounds_of_pseudo_labels(tag_run):
    scores = ["pseudo_seeds", "pseudo_camrw", "pseudo_retrieved", "pseudo_softmax", "pseudo_retrieved_2"]
    check_table(*tag_run, [*scores, "final_msc_crf", "weak_only"])


def test_a_recipe_killed_in_every_command_still_ends_with_the_result_of_one_that_was_not(tag_run, tmp_path, run_toy):
    marks = tmp_path / "killed"
    marks.mkdir()
    kills = 0
    while (done := run_toy("tag", tmp_path, marks=marks)).returncode == -9:
        kills += 1
        assert kills == len(list(marks.iterdir())), "a command was killed twice"
    check_table(tmp_path, done, [])
    assert kills > 25
    same_files(tag_run[0] / "out/val", tmp_path / "out/val")
    assert (tag_run[0] / "out/table.md").read_text() == (tmp_path / "out/table.md").read_text()


def test_a_complete_recipe_runs_nothing_again_and_other_settings_are_refused(tag_run, run_toy):
    folder = tag_run[0]
    done = run_toy("tag", folder)
    assert done.returncode == 0 and done.stdout.count(": complete") == 19 and "train.py" not in done.stdout, done
    done = run_toy("tag", folder, FROM="", NPROC="2")
    assert done.returncode == 1 and "stage embedding was run with other settings: NPROC was 1, is 2" in done.stderr
    done = run_toy("tag", folder, MAKE_TOY="--num_train 5")
    assert done.returncode == 1 and "stage data" in done.stderr and "--num_train was '4', is '5'" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
