"""Folders and paths; writing files that are never half there; text in UTF-8 whatever the locale."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spml.errors import UserError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends without an error.

    Content and name have reached the disk by then. Raises UserError where the system does not let it be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    make_dir(path.parent)
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        with suppress(OSError):  # some file systems know no flushing of folders, and the file is in its place
            _flush(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error})") from None
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_dir(path: str | Path) -> None:
    """Make a folder and those above it, unless they are there; raises UserError where that cannot be."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: the folder cannot be made ({error})") from None


def need_dir(path: str | Path, what: str) -> Path:
    """Return `path` as a Path; raises UserError naming `what` it should be where it is no folder."""
    if not os.path.isdir(path):
        raise UserError(f"{what} {path}: no such folder")
    return Path(path)


def visible_files(folder: str | Path, pattern: str = "*") -> list[Path]:
    """The sorted files of a folder that match `pattern`, without hidden ones, which killed processes leave."""
    return sorted(path for path in Path(folder).glob(pattern) if path.is_file() and not path.name.startswith("."))


def read_text(path: str | Path, what: str) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises UserError naming `what` it should be where it is missing or no such text.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: bytes that are no UTF-8, or a path with a null byte
        raise UserError(f"{what} {path}: cannot be read ({error})") from None


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")
