"""The three kinds of stages that recipes are built of: training, masks to score, pseudo labels."""

from dataclasses import replace

from spml.recipes.plan import Plan, Source, infer_command, score_command, train_command
from spml.recipes.stages import Command, Row, Stage


def train_stage(
    plan: Plan,
    name: str,
    script: str,
    config: str,
    data_list: str,
    labels: Source | None = None,
    after: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
) -> Stage:
    """Train into OUT/name; labels: masks that replace those of the data list."""
    command = train_command(plan, script, config, data_list, name, keys)
    if labels is not None:
        command = replace(command, flags=(*command.flags, "--semantic_dir", labels.path))
    made, read = (labels.after, labels.reads) if labels else ((), ())
    return Stage(
        name=name,
        commands=(command,),
        writes=(f"{plan.out}/{name}",),
        after=(*plan.data_stages, *made, *after),
        reads=(*plan.listed(data_list), *read),
    )


def segment_stage(
    plan: Plan,
    name: str,
    script: str,
    config: str,
    trained: str,
    flags: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    rows: tuple[Row, ...] = (),
    unrefined: str = "",
) -> Stage:
    """Masks of the validation images and their score; of the test images, in the form of the VOC server.

    unrefined: what the masks before the CRF are called, which the same run then writes and which are scored as well.
    """
    split, data_list = ("test", plan.test_list) if plan.test_list else ("val", plan.val_list)
    folders = {each: f"{plan.out}/{split}/{each}" for each in (unrefined, name) if each}
    command = infer_command(plan, script, config, trained, data_list, folders[name])
    both = ("--also_without_crf", folders[unrefined]) if unrefined else ()
    if plan.test_list:
        return _submission_stage(plan, name, replace(command, flags=(*command.flags, *both)), trained, folders)
    scores = (score_command(plan, each, folder, data_list) for each, folder in folders.items())
    return Stage(
        name=name,
        commands=(replace(command, flags=(*command.flags, *flags, *both)), *scores),
        writes=(*folders.values(), *(f"{plan.out}/scores/{each}.json" for each in folders)),
        after=(*plan.data_stages, trained, *after),
        reads=plan.listed(data_list),
        rows=rows,
    )


def _submission_stage(plan: Plan, name: str, command: Command, trained: str, folders: dict[str, str]) -> Stage:
    return Stage(
        name=name,
        commands=(command, *(_submission(plan, folder) for folder in folders.values())),
        writes=tuple(folders.values()),
        after=(trained,),
        reads=plan.listed(plan.test_list),
        record=f"test_{name}",
    )


def _submission(plan: Plan, folder: str) -> Command:
    flags = ("--pred_dir", f"{folder}/semantic_gray", "--data_list", plan.test_list)
    return Command("pyscripts/benchmark/voc_submission.py", (*flags, "--save_dir", f"{folder}/submission"))


def pseudo_label_stage(
    plan: Plan,
    name: str,
    masks: str,
    script: str,
    config: str,
    trained: str,
    flags: tuple[str, ...],
    sources: tuple[Source, ...],
    row: str,
) -> Stage:
    """Masks of the training images as OUT/pseudo/masks, and their score; sources: what the flags name."""
    folder = f"{plan.out}/pseudo/{masks}"
    command = infer_command(plan, script, config, trained, plan.train_list, folder)
    score = score_command(plan, f"pseudo_{masks}", folder, plan.train_list)
    return Stage(
        name=name,
        commands=(replace(command, flags=(*command.flags, *flags)), score),
        writes=(folder, f"{plan.out}/scores/pseudo_{masks}.json"),
        after=(*plan.data_stages, trained, *(stage for source in sources for stage in source.after)),
        reads=(*plan.listed(plan.train_list), *plan.true_masks(), *(i for source in sources for i in source.reads)),
        rows=(Row(f"pseudo_{masks}", row),),
    )
