"""The DensePose recipe: fifteen body parts from points."""

from dataclasses import replace

from spml.errors import UserError
from spml.recipes import common
from spml.recipes.plan import Plan, table_command
from spml.recipes.settings import Settings, need_dataroot, need_val_split
from spml.recipes.stages import Command, Recipe, Stage

TABLE = ("DensePose minival2014, from points", "published=44.15")


def densepose_recipe(kind: str, settings: Settings) -> Recipe:
    """The stages from a kind of annotation, which is `point`; raises UserError for settings that cannot be."""
    if kind != "point":
        raise UserError(f"densepose {kind}: no such recipe; expected point")
    need_val_split(settings, "densepose")
    data = need_dataroot(settings, "images/train2014 and segcls", "docs/data.md")
    lists = settings.lists or f"{data}/lists"
    plan = Plan(
        settings=replace(settings, lists=lists),
        data=data,
        out=settings.out or "snapshots/densepose/point",
        truth=f"{data}/segcls/densepose/gray",
        classes=15,
        grid="24,24",
        config="configs/densepose/point.yaml",
        classifier="configs/densepose/classifier.yaml",
        train_list=f"{lists}/train2014_point.txt",
        truth_list=f"{lists}/train2014_full_subset.txt",
        val_list=f"{lists}/minival2014.txt",
        train_script="train_densepose",
        classifier_script="train_densepose_classifier",
    )
    flags = ("--data_dir", data, "--save_dir", lists, "--splits", "train2014", "minival2014", "--check")
    lists_stage = Stage("lists", (Command("pyscripts/data/densepose_lists.py", flags),), (), always=True)
    stages = [lists_stage, *common.from_parts(plan)]
    return common.build_recipe(plan, stages, table_command(plan, stages, *TABLE))
