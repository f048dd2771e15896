"""The training scripts, one function each: flags, configuration and data list of a stage, then `spml.train`."""

from collections.abc import Sequence

from spml.commands import ranks
from spml.commands.flags import training_parser
from spml.config import Config, load_config
from spml.data.lists import Sample, read_list
from spml.devices import choose_device
from spml.engine import trainer
from spml.engine.checkpoint import refuse_other_snapshots
from spml.engine.processes import process_group
from spml.errors import UserError


def train_embedding(argv: Sequence[str] | None = None) -> None:
    """Train the embedding on weak labels (VOC and data sets like it)."""
    _train_stage("segsort", argv)


def train_classifier(argv: Sequence[str] | None = None) -> None:
    """Train the second stage's classifier on pseudo labels, the embedding frozen."""
    _train_stage("softmax_classifier", argv)


def train_cam(argv: Sequence[str] | None = None) -> None:
    """Train a tag classifier, the source of class activation maps."""
    _train_stage("cam", argv)


def train_densepose(argv: Sequence[str] | None = None) -> None:
    """Train the embedding on DensePose points."""
    _train_stage("segsort", argv, "densepose")


def train_densepose_classifier(argv: Sequence[str] | None = None) -> None:
    """Train the second stage's classifier on DensePose pseudo labels, the embedding frozen."""
    _train_stage("softmax_classifier", argv, "densepose")


def _train_stage(prediction_type: str, argv: Sequence[str] | None, preset: str | None = None) -> None:
    """Train from the command line what the script is for; a configuration for another script is refused."""
    args = training_parser().parse_args(argv)
    config = load_config(args.cfg_path, args.opts, preset)
    given = config.network.prediction_types
    if given != prediction_type:
        raise UserError(
            f"{args.cfg_path}: network.prediction_types is {given!r}, this script needs {prediction_type!r}"
        )
    with ranks.watched_others(), process_group(choose_device(args.device)):
        refuse_other_snapshots(config.train, args.snapshot_dir)  # before the data is looked at, which takes longer
        samples = _read_samples(config, args.data_dir, args.data_list, args.semantic_dir)
        validation = _read_validation(config, args.data_dir)
        trainer.train(config, samples, args.snapshot_dir, args.device, validation)


def _read_samples(
    config: Config, data_dir: str | None, data_list: str | None, semantic_dir: str | None
) -> list[Sample]:
    """The samples of the data list that flags or configuration name."""
    data_dir, data_list = data_dir or config.dataset.data_dir, data_list or config.dataset.train_data_list
    for flag, key, value in (("data_dir", "data_dir", data_dir), ("data_list", "train_data_list", data_list)):
        if not value:
            raise UserError(f"--{flag} is not given and dataset.{key} is empty")
    return read_list(data_dir, data_list, trainer.needs_labels(config), semantic_dir, config.dataset.allow_outside)


def _read_validation(config: Config, data_dir: str | None) -> list[Sample]:
    """The samples that training is tried on, where it is to be tried."""
    data_list, outside = config.dataset.val_data_list, config.dataset.allow_outside
    if not config.train.validate_step:
        return []
    if not data_list:
        raise UserError("train.validate_step is set and dataset.val_data_list is empty; expected a list with labels")
    return read_list(data_dir or config.dataset.data_dir, data_list, allow_outside=outside)
