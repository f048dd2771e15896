"""A new recipe is a function settings → stages, its line in `RECIPES`, and a script like the others."""

import shutil

import pytest
from sourcing import ROOT, shell

MODULE = '''
"""Stripes from dots: two stages."""

from spml.recipes import common
from spml.recipes.blocks import segment_stage, train_stage
from spml.recipes.plan import Plan
from spml.recipes.settings import Settings
from spml.recipes.stages import Recipe, Row


def stripes_recipe(kind: str, settings: Settings) -> Recipe:
    """The stages."""
    data = settings.data or "data/stripes"
    config, lists = "configs/toy/point.yaml", [f"{data}/{name}.txt" for name in ("train", "train", "val")]
    plan = Plan(settings, data, settings.out or "snapshots/stripes", f"{data}/truth", 6, "8,8", config, config, *lists)
    rows = (Row("masks", f"from {kind}"),)
    trained = train_stage(plan, "embedding", "train", config, plan.train_list)
    masks = segment_stage(plan, "masks", "inference_softmax", config, "embedding", rows=rows)
    return common.build_recipe(plan, [trained, masks], [])
'''


@pytest.fixture
def checkout(tmp_path):
    """A copy of the project with one more recipe, in a folder of its own."""
    root = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("spml", "bashscripts"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("configs", "pyscripts"):
        (root / name).symlink_to(ROOT / name)
    (root / "spml/recipes/stripes.py").write_text(MODULE)
    main = root / "spml/recipes/command.py"
    text = main.read_text().replace("RECIPES = {", 'RECIPES = {"stripes": stripes.stripes_recipe, ')
    main.write_text(text.replace("import densepose", "import stripes, densepose"))
    script = (root / "bashscripts/toy/train_spml_point.sh").read_text().replace(" toy point", " stripes dots")
    (root / "bashscripts/stripes").mkdir()
    (root / "bashscripts/stripes/train_spml_dots.sh").write_text(script)
    return root


@pytest.mark.slow
def test_a_new_recipe_is_a_function_its_line_and_a_script(checkout, tmp_path):
    command = f"source {checkout}/bashscripts/stripes/train_spml_dots.sh"
    settings = {"PYTHONPATH": "", "DATA": "mine"}
    done = shell(command, tmp_path, LIST="1", **settings)
    assert done.returncode == 0 and done.stdout.endswith("embedding  to run\nmasks      to run\n"), done.stderr
    done = shell(command, tmp_path, OPTS="train.base_lr 2000", **settings)
    assert done.returncode == 1 and "train.base_lr is 2000.0, expected between" in done.stderr
    done = shell(command, tmp_path, **settings)
    assert done.returncode == 1, done.stdout
    assert f"pyscripts/train/train.py --cfg_path configs/toy/point.yaml --snapshot_dir {tmp_path}/out" in done.stdout
    assert (
        f"error: data list {tmp_path}/mine/train.txt: cannot be read" in done.stderr and "Traceback" not in done.stderr
    )
    assert "stage embedding failed with status 1; once that is mended" in done.stdout
