"""The toy recipes, CPU or GPU: scenes from tags, boxes, scribbles, points; figures of sided parts from points."""

from dataclasses import replace

from spml.errors import UserError
from spml.recipes import common
from spml.recipes.blocks import segment_stage, train_stage
from spml.recipes.plan import Plan, Source, score_command, table_command
from spml.recipes.settings import Settings, need_val_split
from spml.recipes.stages import Command, Recipe, Row, Stage

KINDS = ("tag", "box", "scribble", "point", "parts")


def toy_recipe(kind: str, settings: Settings) -> Recipe:
    """The stages from a kind of annotation; raises UserError for settings that cannot be."""
    if kind not in KINDS:
        raise UserError(f"toy {kind}: no such recipe; expected one of {', '.join(KINDS)}")
    need_val_split(settings, "toy")
    plan = _parts_plan(settings) if kind == "parts" else _scenes_plan(kind, settings)
    kinds = ("--kind", "parts") if kind == "parts" else ()
    draw = Command("pyscripts/data/make_toy.py", ("--save_dir", plan.data, *kinds, *settings.make_toy))
    data = Stage("data", (draw,), (f"{plan.data}/toy.json",), always=True)
    stages, columns, title = {"parts": _parts, "point": _points, "scribble": _scribbles}.get(kind, _seeded)(plan, kind)
    stages = [data, *stages]
    pictures = _pictures(plan, columns, full=kind != "tag")
    return common.build_recipe(plan, stages, table_command(plan, stages, title), (pictures,))


def _scenes_plan(kind: str, settings: Settings) -> Plan:
    data = settings.data or "data/toy"
    train = "full" if kind in ("tag", "box") else kind
    return Plan(
        settings=settings,
        data=data,
        out=settings.out or f"snapshots/toy/{kind}",
        truth=f"{data}/VOC2012/segcls",
        classes=6,
        grid="8,8",
        config=f"configs/toy/{kind}.yaml",
        classifier="configs/toy/classifier.yaml",
        cam_config="configs/toy/cam.yaml",
        train_list=f"{data}/lists/train_{train}.txt",
        truth_list=f"{data}/lists/train_full.txt",
        val_list=f"{data}/lists/val.txt",
        data_stages=("data",),
    )


def _parts_plan(settings: Settings) -> Plan:
    data = settings.data or "data/toy_parts"
    return replace(
        _scenes_plan("point", replace(settings, data=data)),
        settings=settings,
        out=settings.out or "snapshots/toy/parts",
        truth=f"{data}/segcls/full",
        classes=7,
        config="configs/toy/parts.yaml",
        classifier="configs/toy/parts_classifier.yaml",
        train_script="train_densepose",
        classifier_script="train_densepose_classifier",
    )


def _seeded(plan: Plan, kind: str) -> tuple[list[Stage], list[str], str]:
    """Tags and boxes: seeds from our own class activation maps, within the boxes where there are any."""
    classes = ("--class_names", f"{plan.data}/classes.txt")
    boxes = ("--box_dir", f"{plan.data}/VOC2012/Annotations") if kind == "box" else ()
    cams = common.own_cams(plan)
    stages = common.cam_stages(plan, Source(f"{plan.data}/tags.txt", ("data",)))
    stages.append(common.seed_stage(plan, cams, (*boxes, *classes)))
    plan = common.with_seeds(plan)
    stages += common.from_weak_labels(plan) if kind == "box" else common.from_tags(plan, cams)
    stages += _weak_baseline(plan, "seeds")
    stages += _full_baseline(plan) if kind == "box" else []
    return stages, [], "toy val, from boxes" if kind == "box" else "toy val, from tags"


def _scribbles(plan: Plan, kind: str) -> tuple[list[Stage], list[str], str]:
    stages = [*common.from_weak_labels(plan), *_weak_baseline(plan, "scribbles"), *_full_baseline(plan)]
    return stages, [f"scribbles={plan.data}/VOC2012/scribble/dilate_3"], "toy val, from scribbles"


def _points(plan: Plan, kind: str) -> tuple[list[Stage], list[str], str]:
    softmax = (Row("softmax_crf", "stage 1, classifier + CRF"),)
    retrieval = (Row("retrieval_crf", "stage 1, retrieval + CRF (the same diagnosis)"),)
    stages = [
        *common.from_weak_labels(plan),
        segment_stage(plan, "softmax_crf", "inference_softmax_crf", plan.config, "embedding", rows=softmax),
        common.retrieval_masks(plan, "retrieval_crf", "inference_crf", retrieval),
        *_weak_baseline(plan, "points"),
        *_full_baseline(plan),
    ]
    return stages, [f"points={plan.data}/VOC2012/scribble/dilate_6_0.0"], "toy val, from points"


def _parts(plan: Plan, kind: str) -> tuple[list[Stage], list[str], str]:
    """The DensePose recipe with and without feature affinity."""
    keys = ("train.feat_aff_loss_types", "none")
    rows = (Row("no_affinity", "stage 1 without feature affinity, classifier beside the embedding"),)
    script, config = "inference_softmax", plan.config
    stages = [
        *common.from_parts(plan),
        _instances(plan),
        train_stage(plan, "no_affinity", plan.train_script, config, plan.train_list, keys=keys),
        _masks(segment_stage(plan, "no_affinity", script, config, "no_affinity", rows=rows)),
        *_weak_baseline(plan, "points"),
        *_full_baseline(plan),
    ]
    columns = [f"points={plan.data}/segcls/points", f"no affinity={plan.out}/val/no_affinity/semantic_gray"]
    return stages, columns, "toy figures val, from points"


def _instances(plan: Plan) -> Stage:
    """The final masks scored by instances."""
    name, folder = "final_msc_crf_instances", f"{plan.out}/val/final_msc_crf"
    return Stage(
        name="final_instances",
        commands=(score_command(plan, name, folder, plan.val_list, f"{plan.data}/instances"),),
        writes=(f"{plan.out}/scores/{name}.json",),
        after=(*plan.data_stages, "final_msc_crf"),
        rows=(Row(name, "the same by instances: each part of each figure counts the same"),),
    )


def _weak_baseline(plan: Plan, what: str) -> list[Stage]:
    """The same network by cross-entropy alone, on `what` the recipe starts from."""
    row = Row("weak_only", f"cross-entropy on the {what} alone")
    return _baseline(plan, "weak_only", plan.train_list, plan.weak, row)


def _full_baseline(plan: Plan) -> list[Stage]:
    """And on full masks, the ceiling."""
    return _baseline(plan, "full", plan.truth_list, None, Row("full", "cross-entropy on full masks"))


def _baseline(plan: Plan, name: str, data_list: str, labels: Source | None, row: Row) -> list[Stage]:
    parts = plan.train_script == "train_densepose"
    config = "configs/toy/parts_cross_entropy.yaml" if parts else "configs/toy/cross_entropy.yaml"
    return [
        train_stage(plan, name, plan.train_script, config, data_list, labels),
        _masks(segment_stage(plan, name, "inference_softmax", config, name, rows=(row,))),
    ]


def _masks(stage: Stage) -> Stage:
    """A stage whose masks are named like the network that it uses."""
    return replace(stage, name=f"masks_{stage.name}")


def _pictures(plan: Plan, columns: list[str], full: bool) -> Command:
    """A contact sheet of the validation images: the weak labels, and the masks of each way."""
    ways = {"cross-entropy": "weak_only", "stage 1": "softmax", "final": "final", "final + CRF": "final_msc_crf"}
    ways |= {"full masks": "full"} if full else {}
    columns = [*columns, *(f"{title}={plan.out}/val/{name}/semantic_gray" for title, name in ways.items())]
    flags = ("--data_dir", plan.data, "--data_list", plan.val_list, "--save", f"{plan.out}/contact_sheet.png")
    return Command("pyscripts/benchmark/contact_sheet.py", (*flags, "--columns", *columns))
