"""What a recipe works with, and how its commands are put together."""

import os
from dataclasses import dataclass

from spml.config import load_config
from spml.errors import UserError
from spml.recipes.outside import FolderInput, Input, ListInput
from spml.recipes.settings import Settings
from spml.recipes.stages import NEUTRAL_KEYS, Command, Stage

# Their published batch is the sum over processes; that of the others is each process's own.
WHOLE_BATCH = ("train_classifier", "train_cam", "train_densepose_classifier")
_OF_SCRIPTS = {"train_cam": ("train.validate_step", "0")}  # whose network predicts no masks to validate


@dataclass(frozen=True)
class Source:
    """Files that a stage builds on: their folder, the stages that make them, or what they are from outside."""

    path: str
    after: tuple[str, ...] = ()
    reads: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a recipe works with.

    data: folder of the data; truth: folder of the true masks; lists by what they are for; config, classifier,
    cam_config: YAMLs of the stages; grid: k-means grid of inference; data_stages: those that make the data, () for data
    from outside; weak: masks that replace the weak labels of the training list; test_list: '' or that of a test split;
    scoring: more flags of the benchmark script.
    """

    settings: Settings
    data: str
    out: str
    truth: str
    classes: int
    grid: str
    config: str
    classifier: str
    train_list: str
    truth_list: str
    val_list: str
    cam_config: str = ""
    data_stages: tuple[str, ...] = ()
    weak: Source | None = None
    train_script: str = "train"
    classifier_script: str = "train_classifier"
    test_list: str = ""
    scoring: tuple[str, ...] = ()

    @property
    def config_path(self) -> str:
        """The file of `config`."""
        return os.path.join(self.settings.root, self.config)

    def listed(self, data_list: str) -> tuple[Input, ...]:
        """A data list as an input; none where a stage of the recipe makes the data."""
        return () if self.data_stages else (ListInput(data_list, self.data),)

    def true_masks(self) -> tuple[Input, ...]:
        """The true masks as an input; none where a stage of the recipe makes the data."""
        return () if self.data_stages else (FolderInput(self.truth),)

    def masks(self, stage: str, name: str) -> Source:
        """Masks that a stage writes as pseudo labels."""
        return Source(f"{self.out}/pseudo/{name}/semantic_gray", (stage,))


def train_command(plan: Plan, script: str, config: str, data_list: str, name: str, keys: tuple[str, ...]) -> Command:
    """Training into OUT/name, which goes on from the newest snapshot there."""
    opts, whole = (*plan.settings.opts, *keys, *_OF_SCRIPTS.get(script, ())), script in WHOLE_BATCH
    flags = ("--snapshot_dir", f"{plan.out}/{name}", "--data_dir", plan.data, "--data_list", data_list)
    return Command(
        script=f"pyscripts/train/{script}.py",
        flags=flags,
        config=config,
        keys=opts,
        sharing=(*(_shares(plan.settings, config, opts) if whole else ()), "train.resume", "true"),
        processes=plan.settings.processes,
        per_process=not whole,
        ignores=(*NEUTRAL_KEYS, "test."),
    )


def _shares(settings: Settings, config: str, opts: tuple[str, ...]) -> tuple[str, ...]:
    """Keys that divide the configuration's batch among processes, with batch norm over all of it."""
    count = settings.processes
    if count == 1:
        return ()
    total = load_config(os.path.join(settings.root, config), opts).train.batch_size
    if total % count:
        raise UserError(f"NPROC={count}: {config}: train.batch_size {total} cannot be divided among {count} processes")
    return ("train.batch_size", str(total // count), "network.use_syncbn", "true")


def infer_command(plan: Plan, script: str, config: str, trained: str, data_list: str, save_dir: str) -> Command:
    """A script of pyscripts/inference by the network in OUT/trained; images whose results exist are skipped."""
    flags = ("--snapshot_dir", f"{plan.out}/{trained}", "--data_dir", plan.data, "--data_list", data_list)
    return Command(
        script=f"pyscripts/inference/{script}.py",
        flags=(*flags, "--save_dir", save_dir, "--skip_existing"),
        config=config,
        keys=plan.settings.opts,
        processes=plan.settings.processes,
    )


def score_command(plan: Plan, name: str, masks: str, data_list: str, instances: str = "") -> Command:
    """Mean IoU of masks/semantic_gray, kept as OUT/scores/name.json; instances: folder of instance masks."""
    script = "benchmark_by_instance" if instances else "benchmark_by_mIoU"
    where = ("--pred_dir", f"{masks}/semantic_gray", "--gt_dir", plan.truth)
    of_instances = ("--inst_dir", instances) if instances else ()
    what = ("--num_classes", str(plan.classes), "--data_list", data_list)
    flags = (*where, *of_instances, *what, *plan.scoring, "--json", f"{plan.out}/scores/{name}.json")
    return Command(f"pyscripts/benchmark/{script}.py", flags)


def table_command(plan: Plan, stages: list[Stage], title: str, published: str = "") -> Command:
    """The table of all rows, and a published figure (TEXT=FIGURE)."""
    rows = [f"{row.score}={row.text}" for stage in stages for row in stage.rows]
    flags = ("--scores_dir", f"{plan.out}/scores", "--title", title, "--save", f"{plan.out}/table.md")
    figures = (published,) if published else ()
    return Command("pyscripts/benchmark/report.py", (*flags, "--rows", *rows, "--published", *figures))
