"""Split files: which images belong to which split."""

import re
from pathlib import Path

from spml.data.files import read_text
from spml.errors import UserError


def read_split(path: str | Path) -> list[str]:
    """Read a split file, one image id a line, in its order.

    Raises UserError where it is missing, empty, names an image twice, or a line is no bare id.
    """
    ids = [line.strip() for line in read_text(path, "split file").splitlines() if line.strip()]
    if not ids:
        raise UserError(f"split file {path}: is empty; expected one image id a line")
    for name in ids:
        if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
            raise UserError(f"split file {path}: {name!r} is no image id; expected one like 2007_000032 a line")
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise UserError(f"split file {path}: {twice} occurs twice")
    return ids
