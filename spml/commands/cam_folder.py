"""A folder of class activation maps: whether it was written for a data set with a background or without one."""

import json
from pathlib import Path

from spml.commands.run_record import RECORD_NAME
from spml.data.labels import NO_BACKGROUND
from spml.errors import UserError


def check_cam_background(folder: str | Path, first: int) -> None:
    """Raise UserError where a folder's record contradicts the reader: all classes would be one beside the right one.

    first: the first class that counts as a tag, for the reader. A folder without a record is taken as it is.
    """
    try:
        record = json.loads((Path(folder) / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    stated = record.get("dataset.background") if isinstance(record, dict) else None
    if stated is not None and (stated == NO_BACKGROUND) != (first == 0):
        here = "0" if first else NO_BACKGROUND
        raise UserError(f"--cam_dir {folder}: was written with dataset.background {stated}, but is read with {here}")
