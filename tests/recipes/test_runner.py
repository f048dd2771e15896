"""The runner on small recipes of scripts that write one file each."""

import fcntl
import json
import logging
import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from spml.data.identity import identity
from spml.errors import UserError
from spml.recipes.outside import CamInput, FolderInput, ListInput, PathInput
from spml.recipes.runner import RecipeRun, StageFailed
from spml.recipes.settings import Settings
from spml.recipes.stages import NEUTRAL_KEYS, Command, Places, Recipe, Row, Stage

NOBODY = 2**22 + 1  # beyond the process numbers of Linux


class Killed(BaseException):
    """Stands for a killed runner: nothing catches it."""


class Workshop:
    """A project of its own, whose recipe has stages first, second, third; what it ran; how it may go wrong."""

    def __init__(self, folder):
        self.root, self.ran, self.kill, self.status = folder, [], "", {}
        self.put("config.yaml", "dataset:\n  num_classes: 4\n")
        self.put("data/list.txt", "a.png\n")
        self.put("data/a.png", "pixels")

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def execute(self, arguments, folder, started):
        """Write the file of --save_dir, or be killed half-way."""
        assert folder == str(self.root)
        target = Path(folder, arguments[arguments.index("--save_dir") + 1])
        self.ran.append(target.name)
        started(NOBODY)
        target.mkdir(parents=True, exist_ok=True)
        assert not (target / "result").exists() or self.kill is None, "made from an old result"
        (target / "half").write_text("")
        if self.kill == target.name:
            raise Killed
        (target / "result").write_text(" ".join(arguments))
        return self.status.get(target.name, 0)

    def recipe(self, words="one", grid="8,8", **first):
        def command(name, *flags, **more):
            return Command("pyscripts/write.py", ("--save_dir", f"out/{name}", *flags), **more)

        keys = first.pop("keys", ())
        stages = (
            Stage("first", (command("first", "--words", words),), ("out/first",), **first),
            Stage("second", (command("second", config="config.yaml", keys=keys),), ("out/second",), after=("first",)),
            Stage("third", (command("third", "--grid", grid),), ("out/third",), after=("second",)),
        )
        places = Places(str(self.root), (("$OUT", "out"), ("$DATA", "data")))
        return Recipe(stages, "out", places, tail=(command("tail"),))

    def run(self, recipe=None, **settings):
        """Run a recipe; returns the names of what was run."""
        self.ran = []
        shutil.rmtree(self.root / "out/tail", ignore_errors=True)
        RecipeRun(recipe or self.recipe(), Settings(root=str(self.root), **settings), self.execute).run()
        return self.ran

    def refused(self, recipe=None, **settings):
        """The line with which a recipe is refused, having run nothing."""
        with pytest.raises(UserError) as caught:
            self.run(recipe, **settings)
        assert self.ran == [] and "\n" not in str(caught.value)
        return str(caught.value)

    def states(self, recipe=None, **settings):
        found = RecipeRun(recipe or self.recipe(), Settings(root=str(self.root), **settings), self.execute)
        return [state.word() for _, _, state in found.states()]


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path)


ALL = ["first", "second", "third", "tail"]


def test_each_stage_runs_once_and_the_tail_each_time(shop):
    assert shop.run() == ALL
    assert shop.run() == ["tail"]


def test_the_table_is_made_once_after_each_stage_that_has_a_row_and_at_the_end(shop):
    recipe = shop.recipe()
    table = Command("pyscripts/write.py", ("--save_dir", "out/table"))
    scored = [replace(stage, rows=(Row(stage.name, "text"),)) for stage in recipe.stages[1:]]
    recipe = replace(recipe, stages=(recipe.stages[0], *scored), table=table)
    shop.kill = None  # the table is written again over the one that is there
    assert shop.run(recipe) == ["first", "second", "table", "third", "table", "tail"]
    assert shop.run(recipe) == ["table", "tail"]
    shop.status = {"table": 1}
    assert shop.run(recipe, force="third", last="third") == ["third", "table"]


def test_stages_and_commands_are_said_before_they_run(shop, caplog):
    with caplog.at_level(logging.INFO, "spml"):
        shop.run()
    assert caplog.messages[0] == "== first"
    assert caplog.messages[1].endswith("pyscripts/write.py --save_dir out/first --words one")


def test_a_changed_flag_is_refused_with_stage_flag_both_values_and_what_to_do(shop):
    shop.run()
    line = shop.refused(shop.recipe(grid="12,12"))
    assert line.startswith(
        "stage third was run with other settings: write.py --grid was '8,8', is '12,12'; FORCE=third"
    )


def test_a_changed_configuration_key_is_refused_wherever_it_was_changed(shop):
    shop.run()
    line = shop.refused(shop.recipe(keys=("train.base_lr", "0.5")))
    assert "stage second" in line and "train.base_lr was 0.001, is 0.5; FORCE=second" in line
    shop.put("config.yaml", "dataset:\n  num_classes: 5\n")
    assert "dataset.num_classes was 4, is 5" in shop.refused()


def test_a_stage_after_a_changed_one_is_not_passed_for_complete(shop):
    shop.run()
    assert shop.run(shop.recipe(words="two"), force="first", last="first") == ["first"]
    assert shop.states(shop.recipe(words="two")) == ["complete", "to run", "to run"]


def test_force_runs_a_stage_and_what_follows_again_from_nothing(shop):
    shop.run()
    assert shop.run(shop.recipe(keys=("train.base_lr", "0.5")), force="second") == ["second", "third", "tail"]
    assert shop.run(shop.recipe(keys=("train.base_lr", "0.5"))) == ["tail"]


def test_force_checks_earlier_stages_and_from_takes_them_as_done(shop):
    shop.run()
    assert "stage first" in shop.refused(shop.recipe(words="two"), force="second")
    assert shop.run(shop.recipe(words="two"), first="second") == ["second", "third", "tail"]
    assert "stage first" in shop.refused(shop.recipe(words="two"))
    assert shop.run() == ["tail"]


def test_from_runs_a_stage_again_even_when_it_was_complete(shop):
    shop.run()
    assert shop.run(first="third") == ["third", "tail"]


def test_to_stops_after_a_stage_without_the_tail(shop):
    assert shop.run(last="second") == ["first", "second"]
    assert shop.states() == ["complete", "complete", "to run"]


def test_a_stage_whose_output_is_gone_runs_again(shop):
    shop.run()
    shutil.rmtree(shop.root / "out/second")
    assert shop.run() == ["second", "tail"]
    (shop.root / "out/third/half").unlink()
    (shop.root / "out/third/result").unlink()
    assert shop.run() == ["third", "tail"]


def test_a_killed_stage_goes_on_and_with_other_settings_is_refused(shop):
    shop.kill = "second"
    with pytest.raises(Killed):
        shop.run()
    assert shop.states() == ["complete", "half done", "to run"]
    shop.kill = ""
    assert "train.base_lr was 0.001, is 0.5" in shop.refused(shop.recipe(keys=("train.base_lr", "0.5")))
    assert shop.run() == ["second", "third", "tail"]


def test_a_run_killed_while_it_removes_results_leaves_no_half_of_them(shop, monkeypatch):
    shop.run()
    removed = shutil.rmtree

    def die(path, **_):
        if Path(path).exists():
            raise Killed
        removed(path, ignore_errors=True)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", die)
        with pytest.raises(Killed):
            RecipeRun(shop.recipe(), Settings(root=str(shop.root), force="second"), shop.execute).run()
    assert not (shop.root / "out/third").exists()
    assert shop.run() == ["third", "tail"]
    assert not list(shop.root.glob("out/.*.removed"))


def test_a_failed_stage_ends_the_recipe_with_its_status(shop):
    shop.status["second"] = 3
    with pytest.raises(
        StageFailed, match="stage second failed with status 3; once that is mended, source the recipe again"
    ) as caught:
        shop.run()
    assert caught.value.status == 3 and shop.ran == ["first", "second"]


def test_results_may_move_with_the_project(shop, tmp_path):
    outside = {"reads": (ListInput("data/list.txt", "data"), FolderInput("data"))}
    shop.run(shop.recipe(**outside))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("config.yaml", "data", "out"):
        shutil.move(tmp_path / name, moved / name)
    shop.root = moved
    assert shop.run(shop.recipe(**outside)) == ["tail"]


@pytest.mark.parametrize(("name", "text"), [("data/list.txt", "a.png b.png\n"), ("data/a.png", "other pixels")])
def test_changed_data_are_refused(name, text, shop):
    outside = {"reads": (ListInput("data/list.txt", "data"),)}
    shop.run(shop.recipe(**outside))
    shop.put(name, text)
    assert "files of data/list.txt changed; FORCE=first" in shop.refused(shop.recipe(**outside))


def test_maps_that_are_missing_are_said_before_anything_runs(shop):
    maps = {"reads": (CamInput("cams", "data/list.txt"),)}
    assert shop.refused(shop.recipe(**maps)) == "CAMS=cams: no such folder"
    (shop.root / "cams").mkdir()
    assert shop.refused(shop.recipe(**maps)) == "CAMS=cams: a.npy not found"
    assert not (shop.root / "out").exists()
    shop.put("cams/a.npy", "")
    assert shop.run(shop.recipe(**maps)) == ALL


def test_results_without_a_record_are_refused_and_those_of_an_earlier_version_named(shop):
    shop.put("out/second/result", "who knows")
    assert "stage second: out/second is there already, but nothing says how it was made" in shop.refused()
    shop.put("out/.done/second", "")
    line = shop.refused()
    assert "it was made by an earlier version of the recipes; FORCE=second runs it" in line and "another OUT" in line
    assert shop.run(force="first") == ALL
    assert not (shop.root / "out/.done").exists()


def test_settings_that_change_no_result_do_not_count(shop):
    shop.run()
    keys = ("num_threads", "7", "train.snapshot_step", "3", "train.tensorboard_step", "9")
    assert shop.run(shop.recipe(keys=keys)) == ["tail"]


def record_of(command, shop):
    stage = Stage("only", (command,), ("out/only",))
    recipe = Recipe((stage,), "out", Places(str(shop.root), ()))
    found = RecipeRun(recipe, Settings(root=str(shop.root)), shop.execute)
    return next(found.states())[2].settings


def test_the_number_of_processes_counts_where_each_has_a_batch_of_its_own(shop):
    training = {"script": "train.py", "flags": (), "config": "config.yaml"}
    one, four = (Command(**training, processes=n, per_process=True) for n in (1, 4))
    assert record_of(one, shop) != record_of(four, shop) and record_of(four, shop)["NPROC"] == 4
    whole = Command(**training, processes=4, sharing=("train.batch_size", "1", "network.use_syncbn", "true"))
    assert record_of(whole, shop) == record_of(Command(**training), shop)


def test_what_only_inference_reads_does_not_count_in_training(shop):
    ignores = (*NEUTRAL_KEYS, "test.")
    training = Command("train.py", (), "config.yaml", ("test.scales", "[2]"), ignores=ignores)
    assert "train.base_lr" in record_of(training, shop)
    assert not [key for key in record_of(training, shop) if key.startswith("test.")]


def test_an_unknown_key_is_refused_before_anything_is_written(shop):
    assert "unknown key train.nonsense" in shop.refused(shop.recipe(keys=("train.nonsense", "1")))
    assert not (shop.root / "out").exists()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"first": "fourth"}, "FROM=fourth: no such stage; expected one of first second third"),
        ({"last": "fourth"}, "TO=fourth: no such stage"),
        ({"force": "fourth"}, "FORCE=fourth: no such stage"),
        ({"first": "third", "last": "first"}, "FROM=third comes after TO=first; the order is first second third"),
        ({"force": "third", "last": "first"}, "FORCE=third comes after TO=first"),
        ({"first": "first", "force": "first"}, "FROM=first FORCE=first: give one"),
    ],
)
def test_stage_names_that_cannot_be_are_refused_in_one_line(settings, line, shop):
    assert line in shop.refused(**settings)
    assert not (shop.root / "out").exists()


def test_the_list_shows_each_stage_with_its_state_and_runs_nothing(shop, caplog):
    shop.run(last="second")
    shop.ran = []
    settings = Settings(root=str(shop.root))
    with caplog.at_level(logging.INFO, "spml"):
        RecipeRun(shop.recipe(keys=("train.base_lr", "0.5")), settings, shop.execute).show()
    assert caplog.messages == [
        "first   complete",
        "second  changed: train.base_lr was 0.001, is 0.5",
        "third   to run",
    ]
    assert shop.ran == []


def test_a_second_runner_says_which_process_runs_and_ends(shop):
    shop.put("out/.stages/lock", json.dumps({"runner": identity(os.getpid()), "command": None}))
    with open(shop.root / "out/.stages/lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        expected = f"{shop.root}/out: process {os.getpid()} on {socket.gethostname()} runs a recipe there"
        assert expected in shop.refused()
    assert shop.run() == ALL


def test_a_command_that_outlives_its_killed_runner_is_waited_for(shop):
    alive = identity(os.getpid())
    shop.put("out/.stages/lock", json.dumps({"runner": {"pid": 4711, "started": "1"}, "command": alive}))
    assert f"its command still runs as process {os.getpid()}" in shop.refused()
    shop.put("out/.stages/lock", json.dumps({"runner": None, "command": {**alive, "started": "another"}}))
    assert shop.run() == ALL


def test_a_broken_record_is_refused_in_one_line(shop):
    shop.run()
    shop.put("out/.stages/second.json", "{")
    assert "second.json: not a record of a stage" in shop.refused()


def test_a_folder_of_results_that_cannot_be_is_said_in_one_line(shop):
    shop.put("file", "no folder")
    recipe = shop.recipe()
    assert "file/out/.stages: " in shop.refused(Recipe(recipe.stages, "file/out", recipe.places))


def test_a_needed_stage_that_is_not_complete_is_said(shop):
    recipe = shop.recipe()
    first, second, third = recipe.stages
    given = Stage(**{**vars(first), "given": True})
    later = Recipe((given, second, third), recipe.out, recipe.places)
    assert "stage first is not complete, but needed; run the recipe without SPLIT=test first" in shop.refused(later)
    shop.run(last="first")
    assert shop.run(later) == ["second", "third"]


def test_a_needed_stage_is_neither_removed_nor_passed_over_when_what_follows_runs_again(shop):
    shop.run(last="second")
    first, second, third = shop.recipe().stages
    needed = Stage(**{**vars(second), "given": True})
    later = Recipe((first, needed, third), "out", shop.recipe().places)
    assert shop.run(later, force="first") == ["first", "third"]
    assert (shop.root / "out/second/result").is_file()
    other = shop.recipe(keys=("train.base_lr", "0.5")).stages[1]
    needed = Stage(**{**vars(other), "given": True})
    later = Recipe((first, needed, third), "out", shop.recipe().places)
    assert "train.base_lr was 0.001, is 0.5" in shop.refused(later, force="first")


def test_results_that_cannot_be_removed_are_said_in_one_line(shop, monkeypatch):
    def fail(*_):
        raise PermissionError("read-only")

    shop.run()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        assert "out/third: cannot be removed (read-only)" in shop.refused(force="third")


def test_a_stage_is_left_out_where_what_it_is_for_turns_out_to_be_empty(shop, caplog):
    shop.put("wanted.txt", "")
    with caplog.at_level(logging.INFO, "spml"):
        assert shop.run(shop.recipe(only_for="wanted.txt")) == ["second", "third", "tail"]
        RecipeRun(shop.recipe(only_for="wanted.txt"), Settings(root=str(shop.root)), shop.execute).show()
    assert "== first: not needed" in caplog.messages and "first   not needed" in caplog.messages
    shop.put("wanted.txt", "a\n")
    assert "stage second was run with other settings: stage first changed" in shop.refused(
        shop.recipe(only_for="wanted.txt")
    )
    assert shop.run(shop.recipe(only_for="wanted.txt"), force="first") == ALL
    (shop.root / "wanted.txt").unlink()  # an earlier stage's output is gone: nothing else has changed
    assert shop.run(shop.recipe(only_for="wanted.txt")) == ["tail"]


def test_files_that_runs_with_another_out_share_are_nothing_strange(shop):
    shop.put("out/first/result", "of another run")
    assert "first is there already" in shop.refused()
    shop.kill = None
    shutil.rmtree(shop.root / "out/first")
    shop.put("out/first/other", "")
    assert shop.run(shop.recipe(shared="LISTS")) == ["first", "second", "third", "tail"]
    assert shop.run(shop.recipe(shared="LISTS")) == ["tail"]


@pytest.mark.parametrize("path", ["data/a.png", "data"])
def test_a_changed_file_or_folder_is_refused(path, shop):
    shop.run(shop.recipe(reads=(PathInput(path),)))
    shop.put("data/a.png", "other pixels")
    assert f"files of {path} changed; FORCE=first" in shop.refused(shop.recipe(reads=(PathInput(path),)))


def test_a_stage_that_failed_before_it_wrote_anything_starts_afresh_with_what_was_mended(shop):
    recipe = shop.recipe(reads=(PathInput("data/a.png"),))

    def fail(arguments, folder, started):
        return 1

    with pytest.raises(StageFailed, match="stage first failed with status 1"):
        RecipeRun(recipe, Settings(root=str(shop.root)), fail).run()
    shop.put("data/a.png", "mended pixels")
    assert shop.states(recipe)[0] == "to run"
    assert shop.run(recipe) == ALL


def test_shared_files_that_another_run_made_anew_are_seen(shop):
    def execute(arguments, folder, started):
        shop.put("out/first/list.txt", "a\n")
        return shop.execute(arguments, folder, started)

    shop.kill = None
    recipe = shop.recipe(shared="LISTS")
    RecipeRun(recipe, Settings(root=str(shop.root)), execute).run()
    shop.put("out/first/list.txt", "a\n")  # made again, and the same
    assert shop.run(recipe) == ["tail"]
    shop.put("out/first/list.txt", "b\n")
    line = shop.refused(recipe)
    assert "stage first was run with other settings: out/first is not what it made, another run made it again" in line
    assert "FORCE=first runs it and what builds on it again, another OUT and LISTS keep both" in line
    assert shop.run(recipe, force="first") == ALL


def test_a_changed_key_is_not_blamed_on_a_stage_that_was_not_needed(shop):
    def recipe(*keys):
        found = shop.recipe(keys=keys)
        first, second, third = found.stages
        first = replace(first, commands=second.commands[:1], only_for="wanted.txt")
        return replace(found, stages=(first, second, replace(third, after=("first", "second"))))

    shop.put("wanted.txt", "")
    shop.run(recipe())
    assert shop.refused(recipe("train.base_lr", "0.5")).startswith(
        "stage second was run with other settings: train.base"
    )


def test_results_of_another_data_root_are_named_as_long_as_that_is_there(shop):
    for name in ("one", "two"):
        (shop.root / name).mkdir()
    one, two = (str(shop.root / name) for name in ("one", "two"))
    shop.run(dataroot=one)
    assert shop.run(dataroot=two) == ["tail"]  # equal data are equal wherever they are
    line = shop.refused(shop.recipe(words="two"), dataroot=one)
    way = "FORCE=first runs it and what builds on it again, another OUT keeps both"
    assert line == f"stage first was run for DATAROOT={two}; {way}"
    (shop.root / "two").rmdir()
    assert "stage first was run with other settings: write.py" in shop.refused(shop.recipe(words="two"), dataroot=one)


def test_what_the_tail_saved_goes_where_a_stage_runs_again(shop):
    recipe = replace(
        shop.recipe(), tail=(Command("pyscripts/write.py", ("--save_dir", "out/tail", "--save", "out/page")),)
    )
    shop.put("out/page", "of old results")
    shop.run(recipe)
    assert (shop.root / "out/page").exists()
    shop.run(recipe, force="third", last="third")
    assert not (shop.root / "out/page").exists()


def test_where_to_ends_it_that_is_said(shop, caplog):
    with caplog.at_level(logging.INFO, "spml"):
        shop.run(last="second")
    assert caplog.messages[-1] == "== stopped after second (TO); without TO the recipe goes on to its end"


@pytest.mark.parametrize("whole", [True, False], ids=["batch of all", "batch of each"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_content_of_the_weights_that_training_starts_from_counts(shop, whole, kind):
    weights = "weights" if kind == "folder" else "weights/model-3.pth"
    shop.put("weights/model-3.pth", "one")

    def recipe():
        found = shop.recipe()
        train = Command("pyscripts/train/train.py", ("--save_dir", "out/second"), "config.yaml",
                        keys=("network.pretrained", weights), per_process=not whole)  # fmt: skip
        return replace(found, stages=(found.stages[0], replace(found.stages[1], commands=(train,)), found.stages[2]))

    shop.run(recipe())
    assert shop.run(recipe()) == ["tail"]
    shop.put("weights/model-3.pth", "other")
    assert f"stage second was run with other settings: content of {weights} changed" in shop.refused(recipe())


@pytest.mark.parametrize("key", ["train.validate_step", "train.validate_images"])
def test_validation_on_the_way_is_no_change_of_results(shop, key):
    shop.run()
    assert shop.run(shop.recipe(keys=(key, "7"))) == ["tail"]


def test_force_leaves_what_does_not_build_on_its_stage(shop):
    def recipe(**changes):
        found = shop.recipe(**changes)
        first, second, third = found.stages
        return replace(found, stages=(first, second, replace(third, after=("first",))))

    shop.run(recipe())
    assert shop.run(recipe(), force="second") == ["second", "tail"]
    assert shop.run(recipe(), first="second") == ["second", "third", "tail"]
    assert shop.run(recipe(grid="12,12"), force="second") == ["second", "third", "tail"]  # which has changed
    assert shop.refused(recipe(words="two"), force="second").startswith("stage first was run with other settings")
