"""What scripts for trained networks share: the snapshot and configuration that their flags name."""

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from spml.config import Config, load_config
from spml.data.files import need_dir
from spml.errors import UserError

if TYPE_CHECKING:
    from spml.inference.segmenter import Segmenter


def trained_path(flags: Namespace) -> Path:
    """The snapshot, or folder of snapshots, that the flags name; raises UserError where it is not there."""
    if not flags.snapshot:  # which counts before the folder
        if not flags.snapshot_dir:
            raise UserError("one of --snapshot_dir and --snapshot is needed")
        return need_dir(flags.snapshot_dir, "--snapshot_dir")
    if not os.path.isfile(flags.snapshot):
        raise UserError(f"--snapshot {flags.snapshot}: no such file")
    return Path(flags.snapshot)


def trained_config(flags: Namespace, *more: str) -> Config:
    """The configuration of --cfg_path, or the one beside the snapshot, under --opts and `more` of their kind."""
    from spml.inference.segmenter import CONFIG_NAME

    path = trained_path(flags)
    beside = (path if path.is_dir() else path.parent) / CONFIG_NAME
    if not flags.cfg_path and not beside.is_file():
        below = sorted(found.parent.name for found in path.glob(f"*/{CONFIG_NAME}")) if path.is_dir() else []
        hint = f"; trained networks lie in its folders {', '.join(below)}" if below else ""
        raise UserError(
            f"{beside}: not found; --cfg_path names the configuration that the snapshot was trained with{hint}"
        )
    return load_config(flags.cfg_path or beside, [*flags.opts, *more])


def open_trained(flags: Namespace, config: Config) -> "Segmenter":
    """The networks that the flags name, on their device."""
    from spml.inference.segmenter import load

    return load(trained_path(flags), config, flags.device or "")
