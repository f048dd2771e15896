"""The recipe for one's own photographs: from whatever labels there are to masks of all images."""

import os
from dataclasses import replace

from spml.errors import UserError
from spml.prepare.annotations.annotations import OUTPUTS
from spml.prepare.annotations.class_table import read_class_table
from spml.recipes import common
from spml.recipes.blocks import train_stage
from spml.recipes.outside import PathInput
from spml.recipes.photo_stages import (
    PAGE,
    QUICK_CRF,
    SECOND_STAGES,
    page_command,
    photo_config,
    photo_masks,
    photo_plan,
    photo_training,
    region_stages,
)
from spml.recipes.plan import Plan, Source, infer_command, score_command, table_command
from spml.recipes.settings import Settings, need_dataroot, need_val_split
from spml.recipes.stage_keys import second_stage_of, with_stage_keys
from spml.recipes.stages import Command, Recipe, Row, Stage

HOLDS = "images, annotations and classes.txt"


def own_recipe(kind: str, settings: Settings) -> Recipe:
    """The stages, whatever labels there are; kind: `any`. Raises UserError for settings that cannot be."""
    if kind != "any":
        raise UserError(f"own {kind}: no such recipe; expected any")
    need_val_split(settings, "own")
    plan = _plan(settings)
    root, prepared = plan.settings.dataroot, plan.settings.lists
    stages = _data_stages(plan, root, prepared)
    plan = replace(plan, data_stages=tuple(stage.name for stage in stages))
    stages += _seed_stages(plan, prepared)
    plan = replace(plan, weak=Source(f"{plan.out}/labels", ("labels",)))
    single, refined = _final(plan)
    stages += [*_training(plan), single, *_baseline(plan), refined]  # the one that takes longest comes last
    title = os.path.basename(root)
    table = table_command(plan, stages, f"{title}, validation images") if plan.truth else None
    closing = f"masks of all images: {plan.out}/masks/final_msc_crf"
    return common.build_recipe(plan, stages, table, (_page(plan, stages, title),), closing)


def _page(plan: Plan, stages: list[Stage], title: str) -> Command:
    """Training images, and those of validation or else all, under what was made of them."""
    masks = {
        **({"truth": plan.truth} if plan.truth else {}),
        "labels and seeds": f"{plan.out}/labels",
        "pseudo labels": f"{plan.out}/pseudo/regions/semantic_gray",
        "second stage": f"{plan.out}/masks/final/semantic_gray",
        "multi-scale + CRF": f"{plan.out}/masks/final_msc_crf/semantic_gray",
    }
    lists = [plan.train_list, plan.val_list if plan.truth else f"{plan.settings.lists}/images.txt"]
    return page_command(plan, stages, title, lists, masks)


def _plan(settings: Settings) -> Plan:
    """What the data root holds; truth: '' where there is none."""
    root = need_dataroot(settings, HOLDS, PAGE)
    for name, check in (("images", os.path.isdir), ("annotations", os.path.exists), ("classes.txt", os.path.isfile)):
        if not check(f"{root}/{name}"):
            raise UserError(f"DATAROOT={root}: holds no {name}; expected {HOLDS} ({PAGE})")
    classes, config = read_class_table(f"{root}/classes.txt", None), photo_config(settings)
    background, prepared = "0" if classes.background else "none", settings.lists or f"{root}/prepared"
    return photo_plan(
        replace(settings, lists=prepared),
        config,
        len(classes.names),
        background,
        f"{prepared}/classes.txt",
        data=os.path.commonpath([root, prepared]),
        out=settings.out or f"snapshots/own/{os.path.basename(root)}",
        truth=f"{prepared}/truth/labels" if os.path.exists(f"{root}/truth") else "",
        train_list=f"{prepared}/lists/train.txt",
        truth_list=f"{prepared}/lists/train_truth.txt",
        val_list=f"{prepared}/lists/val.txt",
    )


def _data_stages(plan: Plan, root: str, prepared: str) -> list[Stage]:
    """Label maps, true masks, lists and regions: of the data root alone, the same for every OUT."""
    whole = ("--rest_is_background",) if read_class_table(f"{root}/classes.txt", None).background else ()
    truth = [_converted(plan, "truth", root, f"{prepared}/truth", whole)] if plan.truth else []
    after = ("annotations", *(stage.name for stage in truth))
    where = ("--prepared_dir", prepared, "--save_dir", f"{prepared}/lists")
    flags = ("--truth_dir", plan.truth) if plan.truth else ()
    lists = Command("pyscripts/data/own_lists.py", (*where, *flags))
    return [
        _converted(plan, "annotations", root, prepared),
        *truth,
        Stage("lists", (lists,), (f"{prepared}/lists",), after=after, shared="LISTS"),
        *region_stages(plan, f"{root}/images", plan.train_list, prepared, ("lists",), "LISTS"),
    ]


def _converted(plan: Plan, source: str, root: str, folder: str, more: tuple[str, ...] = ()) -> Stage:
    """Annotations of any format as label maps, with a page to check them by."""
    what = ("--annotations", f"{root}/{source}", "--image_dir", f"{root}/images", "--classes", f"{root}/classes.txt")
    places = ("--save_dir", folder, "--data_dir", plan.data)
    return Stage(
        name=source,
        commands=(Command("pyscripts/data/annotations.py", (*what, *places, *more)),),
        writes=tuple(f"{folder}/{name}" for name in OUTPUTS),
        reads=(PathInput(f"{root}/images"), PathInput(f"{root}/{source}"), PathInput(f"{root}/classes.txt")),
        shared="LISTS",
    )


def _seed_stages(plan: Plan, prepared: str) -> list[Stage]:
    """OUT/labels: the labels, below them seeds of boxes, and of the classes that only tags name."""
    needing, tags = f"{prepared}/lists/seeds.txt", ("dataset.tags_file", f"{prepared}/tags.txt")
    names = ("--class_names", f"{prepared}/classes.txt", "--region_dir", f"{prepared}/regions")
    boxed, labels = f"{plan.out}/box_labels", f"{plan.out}/labels"
    where = ("--data_list", plan.train_list, "--save_dir", boxed, "--skip_existing", *names)
    given = ("--label_dir", f"{prepared}/labels", "--box_dir", f"{prepared}/boxes", "--tags_file", tags[1])
    boxes = Command("pyscripts/data/box_seeds.py", (*where, *given))
    plan = with_stage_keys(plan, "cam")
    network = train_stage(plan, "cam_network", "train_cam", plan.config, plan.train_list, None, (), tags)
    cam = infer_command(plan, "cam", plan.config, "cam_network", needing, f"{plan.out}/cams")
    cams = Stage(
        name="cams",
        commands=(replace(cam, keys=(*cam.keys, *tags)),),
        writes=(f"{plan.out}/cams",),
        after=(*plan.data_stages, "cam_network"),
        only_for=needing,
    )
    tagged = ("--cam_dir", f"{plan.out}/cams", "--data_list", needing, "--label_dir", boxed, "--only_missing")
    seeds = Command("pyscripts/data/cam_seeds.py", (*tagged, "--save_dir", labels, "--skip_existing", *names))
    return [
        Stage("box_labels", (boxes,), (boxed,), after=plan.data_stages),
        replace(network, only_for=needing),
        cams,
        Stage("labels", (seeds,), (labels,), after=(*plan.data_stages, "box_labels", "cams")),
    ]


def _training(plan: Plan) -> list[Stage]:
    """Stage 1, pseudo labels, and the second stage that `train.second_stage` names."""
    embedding = train_stage(plan, "embedding", plan.train_script, plan.config, plan.train_list, plan.weak)
    folder, pseudo = f"{plan.out}/pseudo/regions", plan.masks("pseudo_labels", "regions")
    # The labels of the list are sure; seeds are not, so that of them the tags and boxes alone count.
    prepared = plan.settings.lists
    tags, names = ("dataset.tags_file", f"{prepared}/tags.txt"), ("--class_names", f"{prepared}/classes.txt")
    boxes = ("--box_dir", f"{prepared}/boxes", *names)
    command = infer_command(plan, "pseudo_softmaxregion_crf", plan.config, "embedding", plan.train_list, folder)
    made = Stage(
        name="pseudo_labels",
        commands=(replace(command, flags=(*command.flags, *boxes, QUICK_CRF), keys=(*command.keys, *tags)),),
        writes=(folder,),
        after=(*plan.data_stages, "embedding"),
    )
    second = photo_training(plan, "second_stage", second_stage_of(plan), plan.train_list, pseudo, "embedding")
    if not plan.truth:
        return [embedding, made, second]
    score = Stage(
        name="score_pseudo_labels",
        commands=(score_command(plan, "pseudo_regions", folder, plan.truth_list),),
        writes=(f"{plan.out}/scores/pseudo_regions.json",),
        after=(*plan.data_stages, "pseudo_labels"),
        rows=(Row("pseudo_regions", "training images with truth: pseudo labels, soft-max of regions + CRF"),),
        only_for=plan.truth_list,
    )
    return [embedding, photo_masks(plan, "embedding", "stage 1, classifier beside the embedding"), made, score, second]


def _baseline(plan: Plan) -> list[Stage]:
    """What one would do without this method, where its masks can be scored."""
    if not (plan.truth and plan.settings.baselines):
        return []
    text = "cross-entropy on the labels alone"
    return [
        photo_training(plan, "weak_only", "cross_entropy", plan.train_list, plan.weak),
        photo_masks(plan, "weak_only", text, "cross_entropy"),
    ]


def _final(plan: Plan) -> list[Stage]:
    """Masks of all images by the second stage: single scale; multi-scale and flip with CRF; scored where truth is."""
    kind, images = second_stage_of(plan), f"{plan.settings.lists}/images.txt"
    plan = with_stage_keys(plan, kind)
    stages = []
    for name, script, text in (
        ("final", "inference_softmax", "single scale"),
        ("final_msc_crf", "inference_softmax_crf_msc", "multi-scale + flip + CRF"),
    ):
        folder, score = f"{plan.out}/masks/{name}", f"{plan.out}/scores/{name}.json"
        stage = Stage(
            name=name,
            commands=(infer_command(plan, script, plan.config, "second_stage", images, folder),),
            writes=(folder,),
            after=(*plan.data_stages, "second_stage"),
        )
        if plan.truth:
            scored = (*stage.commands, score_command(plan, name, folder, plan.val_list))
            row = Row(name, f"second stage, {SECOND_STAGES[kind]}, {text}")
            stage = replace(stage, commands=scored, writes=(folder, score), rows=(row,))
        stages.append(stage)
    return stages
