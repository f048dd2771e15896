"""The MSRC-21 recipes, photographs of 21 classes without a background: from tags, boxes, scribbles, points."""

import os
from dataclasses import replace

from spml.errors import UserError
from spml.recipes import common
from spml.recipes.blocks import train_stage
from spml.recipes.outside import PathInput
from spml.recipes.photo_stages import (
    PAGE,
    SECOND_STAGES,
    TAGS_ALONE,
    masks_over_scales,
    page_command,
    photo_config,
    photo_masks,
    photo_plan,
    photo_pseudo_labels,
    photo_training,
    region_stages,
)
from spml.recipes.plan import Plan, Source, table_command
from spml.recipes.settings import Settings, need_dataroot
from spml.recipes.stage_keys import second_stage_of, with_stage_keys
from spml.recipes.stages import Command, Recipe, Stage

_KINDS = {"tag": "image tags", "box": "boxes", "scribble": "scribbles", "point": "points"}
_CLASSES = 21
_GIVEN = ("images", "masks", "instances", "points", "scribbles", "train.txt", "val.txt", "test.txt")  # by msrc21.py


def msrc21_recipe(kind: str, settings: Settings) -> Recipe:
    """The stages from a kind of annotation; raises UserError for settings that cannot be."""
    if kind not in _KINDS:
        raise UserError(f"msrc21 {kind}: no such recipe; expected one of {', '.join(_KINDS)}")
    plan = _plan(kind, settings)
    images = f"{plan.data}/images"
    stages = [_data(plan), *region_stages(plan, images, plan.truth_list, plan.data, ("data",), "DATA")]
    plan = replace(plan, data_stages=tuple(stage.name for stage in stages))
    if kind in ("tag", "box"):
        stages += _seed_stages(plan, kind)
        plan = common.with_seeds(plan)
    stages += _method(plan, kind)
    if settings.baselines:
        stages += _baselines(plan, kind)
    title = f"MSRC-21 {settings.split}, from {_KINDS[kind]}"
    return common.build_recipe(plan, stages, table_command(plan, stages, title), (_page(plan, stages, title),))


def _page(plan: Plan, stages: list[Stage], title: str) -> Command:
    """Training images and those of the split under what was made of them."""
    second = second_stage_of(plan)
    names = {"cross-entropy": "weak_only", "stage 1": "embedding", second: second, "+ CRF": "final_msc_crf"}
    masks = {
        **({"seeds": plan.weak.path} if plan.weak else {}),
        "pseudo labels": plan.masks("pseudo_labels", "stage_1").path,
        **{text: f"{plan.out}/{plan.settings.split}/{name}/semantic_gray" for text, name in names.items()},
    }
    return page_command(plan, stages, title, [plan.train_list, plan.val_list], masks)


def _plan(kind: str, settings: Settings) -> Plan:
    data = settings.data or "data/msrc21"
    return photo_plan(
        settings,
        photo_config(settings),
        _CLASSES,
        "none",
        f"{data}/classes.txt",
        data=data,
        out=settings.out or f"snapshots/msrc21/{kind}",
        truth=f"{data}/masks",
        train_list=f"{data}/lists/train_{kind if kind in ('scribble', 'point') else 'full'}.txt",
        truth_list=f"{data}/lists/train_full.txt",
        val_list=f"{data}/lists/{settings.split}.txt",
    )


def _data(plan: Plan) -> Stage:
    """The raw set of DATAROOT converted into DATA; without DATAROOT the lists of what DATA holds."""
    made = tuple(f"{plan.data}/{name}" for name in ("lists", "boxes", "tags.txt"))
    if not plan.settings.dataroot:
        if not os.path.isdir(os.path.join(plan.settings.root, plan.data, "images")):
            holds = "Images/*.bmp and newsegmentations_mats/*.mat, or DATA, which holds what msrc21.py wrote"
            need_dataroot(plan.settings, holds, PAGE)  # raises, since it is not set
        flags = ("--data_dir", plan.data, "--class_names", f"{plan.data}/classes.txt")
        reads = tuple(PathInput(f"{plan.data}/{name}") for name in _GIVEN)
        return Stage("data", (Command("pyscripts/data/msrc21_lists.py", flags),), made, reads=reads, shared="DATA")
    root = need_dataroot(plan.settings, "Images and newsegmentations_mats", PAGE)
    convert = Command("pyscripts/data/msrc21.py", ("--data_dir", root, "--save_dir", plan.data, "--skip_existing"))
    reads = tuple(PathInput(f"{root}/{name}") for name in ("Images", "newsegmentations_mats"))
    return Stage("data", (convert,), made, reads=reads, shared="DATA")


def _seed_stages(plan: Plan, kind: str) -> list[Stage]:
    """Seeds over regions: of boxes, or from class activation maps of the tags."""
    where = ("--region_dir", f"{plan.data}/regions", "--class_names", f"{plan.data}/classes.txt")
    flags = (*where, "--background", "none")
    if kind == "box":
        boxes = ("--box_dir", f"{plan.data}/boxes", "--data_list", plan.train_list)
        return [common.scored_seeds(plan, Command("pyscripts/data/box_seeds.py", (*boxes, *flags)))]
    maps = common.cam_stages(with_stage_keys(plan, "cam"), Source(f"{plan.data}/tags.txt", ("data",)))
    return [*maps, common.seed_stage(plan, common.own_cams(plan), flags)]


def _method(plan: Plan, kind: str) -> list[Stage]:
    """Stage 1, its pseudo labels, and the second stage in each way.

    Dots and strokes are sure, so that regions take their class; seeds are not, of which tags and boxes alone count.
    """
    script = TAGS_ALONE if plan.weak else "pseudo_softmaxregion_crf"
    boxes = ("--box_dir", f"{plan.data}/boxes", "--class_names", f"{plan.data}/classes.txt") if kind == "box" else ()
    text = "pseudo labels, soft-max of regions + CRF"
    pseudo = plan.masks("pseudo_labels", "stage_1")
    return [
        train_stage(plan, "embedding", plan.train_script, plan.config, plan.train_list, plan.weak),
        photo_masks(plan, "embedding", "stage 1, classifier beside the embedding"),
        photo_pseudo_labels(
            plan, "pseudo_labels", "stage_1", script, "embedding", text, more=boxes, tags=plan.weak is not None
        ),
        *_second_stages(plan, pseudo),
    ]


def _second_stages(plan: Plan, pseudo: Source) -> list[Stage]:
    """The second stage in each way; over several scales the one that the configuration names."""
    stages = []
    for kind, text in SECOND_STAGES.items():
        stages.append(photo_training(plan, kind, kind, plan.train_list, pseudo, "embedding"))
        stages.append(photo_masks(plan, kind, f"second stage, {text}", kind))
    kind = second_stage_of(plan)
    text = f"second stage, {SECOND_STAGES[kind]}, multi-scale + flip"
    return [*stages, masks_over_scales(plan, "final_msc", text, kind, kind)]


def _baselines(plan: Plan, kind: str) -> list[Stage]:
    """Cross-entropy on the weak labels alone, self-training from there, and full masks."""
    plain = with_stage_keys(plan, "cross_entropy")
    again, text = plan.masks("self_labels", "self_training"), "labels of self-training"
    learnt = "seeds" if plan.weak else _KINDS[kind]
    return [
        photo_training(plan, "weak_only", "cross_entropy", plan.train_list, plan.weak),
        photo_masks(plan, "weak_only", f"cross-entropy on the {learnt} alone", "cross_entropy"),
        photo_pseudo_labels(
            plain, "self_labels", "self_training", "pseudo_softmax_crf", "weak_only", text, tags=plan.weak is not None
        ),
        photo_training(plan, "self_training", "finetune", plan.train_list, again, "weak_only"),
        photo_masks(plan, "self_training", "self-training: a second training on these", "finetune"),
        photo_training(plan, "full", "cross_entropy", plan.truth_list, None),
        photo_masks(plan, "full", "cross-entropy on full masks (the ceiling)", "cross_entropy"),
    ]
