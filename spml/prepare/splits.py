"""Split files: which images belong to which split."""

import re
from pathlib import Path

from spml.errors import UserError


def read_split(path: str | Path) -> list[str]:
    """Read a split file, one image id a line, in its order.

    Raises UserError where it is missing, empty, names an image twice, or a line is no bare id.
    """
    try:
        ids = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"split file {path}: cannot be read ({error})") from None
    if not ids:
        raise UserError(f"split file {path}: is empty; expected one image id a line")
    for name in ids:
        if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
            raise UserError(f"split file {path}: {name!r} is no image id; expected one like 2007_000032 a line")
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise UserError(f"split file {path}: {twice} occurs twice")
    return ids
