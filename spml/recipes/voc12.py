"""The VOC 2012 recipes: from tags, boxes, scribbles, points."""

import os
from dataclasses import replace

from spml.errors import UserError
from spml.recipes import common
from spml.recipes.outside import CamInput, FolderInput
from spml.recipes.plan import Plan, Source, table_command
from spml.recipes.settings import Settings, need_dataroot
from spml.recipes.stages import Command, Recipe, Stage

# Title and published figures of the table.
TABLES = {
    "tag": ("VOC 2012 val, from image tags", "published, val / test=69.5 / 71.6"),
    "box": ("VOC 2012 val, from boxes", "published, val / test=73.5 / 74.7"),
    "scribble": ("VOC 2012 val, from scribbles", "published, val / test=76.1 / 76.4"),
    "point": ("VOC 2012 val, from points", "published, val / test=73.2 / 74.0"),
}
# Seeds that lie in the data root are used; where there are none, the recipe makes them from class activation maps.
SEEDS = {"tag": "VOC2012/cam/seam_a6_th0.2", "box": "VOC2012/cam/seambox_a6_th0.5"}


def voc12_recipe(kind: str, settings: Settings) -> Recipe:
    """The stages from a kind of annotation; raises UserError for settings that cannot be."""
    if kind not in TABLES:
        raise UserError(f"voc12 {kind}: no such recipe; expected one of {', '.join(TABLES)}")
    data = need_dataroot(settings, "VOC2012", "docs/data.md")
    settings = replace(settings, lists=settings.lists or f"{data}/lists")
    has_seeds = kind in SEEDS and os.path.isdir(f"{data}/{SEEDS[kind]}")
    plan = _plan(kind, settings, data, own_labels=has_seeds or kind not in SEEDS)
    stages = [_lists(plan, kind if has_seeds or kind not in SEEDS else ""), *_stages(plan, kind, has_seeds)]
    if settings.split == "test":
        closing = f"masks for the VOC server: {plan.out}/test/*/submission"
        return common.build_recipe(plan, common.only_final(stages), None, closing=closing)
    return common.build_recipe(plan, stages, table_command(plan, stages, *TABLES[kind]))


def _plan(kind: str, settings: Settings, data: str, own_labels: bool) -> Plan:
    """own_labels: whether the data root holds labels of this kind."""
    lists = settings.lists
    return Plan(
        settings=settings,
        data=data,
        out=settings.out or f"snapshots/voc12/{kind}",
        truth=f"{data}/VOC2012/segcls",
        classes=21,
        grid="12,12",
        config=f"configs/voc12/{kind}.yaml",
        classifier="configs/voc12/classifier.yaml",
        cam_config="configs/voc12/cam.yaml",
        train_list=f"{lists}/train_{kind if own_labels else 'full'}.txt",
        truth_list=f"{lists}/train_full.txt",
        val_list=f"{lists}/val.txt",
        test_list=f"{lists}/test.txt" if settings.split == "test" else "",
    )


def _lists(plan: Plan, labels: str) -> Stage:
    """The data lists, each time: it is quick, and looks for files that are missing."""
    kinds = ("full", labels) if labels else ("full",)
    flags = ("--data_dir", plan.data, "--save_dir", plan.settings.lists, "--kinds", *kinds, "--check")
    return Stage("lists", (Command("pyscripts/data/voc_lists.py", flags),), (), always=True)


def _stages(plan: Plan, kind: str, has_seeds: bool) -> list[Stage]:
    if kind not in SEEDS or (kind == "box" and has_seeds):
        return common.from_weak_labels(plan)
    cams, stages = _cams(plan)
    if not has_seeds:
        annotations = f"{plan.data}/VOC2012/Annotations"
        boxes = ("--box_dir", annotations) if kind == "box" else ()
        stages.append(common.seed_stage(plan, cams, boxes, (FolderInput(annotations),) if boxes else ()))
        plan = common.with_seeds(plan)
    return stages + (common.from_tags(plan, cams) if kind == "tag" else common.from_weak_labels(plan))


def _cams(plan: Plan) -> tuple[Source, list[Stage]]:
    """The class activation maps, our own unless CAMS names others, and the stages that they take."""
    if plan.settings.cams:
        maps = CamInput(plan.settings.cams, plan.train_list)
        return Source(maps.path, (), (maps,)), [Stage("cam_files", (), (), reads=(maps,), always=True)]
    tags, annotations = f"{plan.out}/tags.txt", f"{plan.data}/VOC2012/Annotations"
    command = Command("pyscripts/data/image_tags.py", ("--xml_dir", annotations, "--save_path", tags))
    stage = Stage("tags", (command,), (tags,), reads=(FolderInput(annotations),))
    return common.own_cams(plan), [stage, *common.cam_stages(plan, Source(tags, ("tags",)))]
