"""Folders and paths; writing files that are never half there; text in UTF-8 whatever the locale."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from zlib import crc32

from spml.data.identity import identity
from spml.errors import UserError

_HOST = f"{crc32(socket.gethostname().encode()):08x}"
_LONGEST_NAME = 200  # bytes; file systems take some 255
_under_way: set[Path] = set()  # temporary files of this process
_swept: set[Path] = set()  # folders that this process has looked through


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends without an error.

    Content and name have reached the disk by then. Raises UserError where the system does not let it be written.
    """
    path = Path(path)
    partial = _partial_path(path)
    make_dir(path.parent)
    _sweep(path.parent)
    _under_way.add(partial)
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        with suppress(OSError):  # some file systems know no flushing of folders, and the file is in its place
            _flush(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error})") from None
    finally:
        with suppress(OSError):  # a disk that is full or has become read-only was named already
            partial.unlink(missing_ok=True)
        _under_way.discard(partial)


def drop_partials() -> None:
    """Remove the half-written files of this process, which is about to end at once."""
    for partial in list(_under_way):
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _partial_path(path: Path) -> Path:
    """A hidden name beside `path` that says which process of which machine writes it."""
    stem = path.stem
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        stem = f"{crc32(os.fsencode(path.stem)):08x}"
    return path.with_name(f".{stem}.{_HOST}-{os.getpid()}.partial{path.suffix[:9]}")


def _sweep(folder: Path) -> None:
    """Remove, once a folder, the half-written files of processes of this machine that were killed."""
    if folder in _swept:
        return
    _swept.add(folder)
    for path in folder.glob(".*.partial*"):
        writer = re.search(rf"\.{_HOST}-(\d+)\.partial[^/]*$", path.name)
        if writer and path not in _under_way and _has_ended(int(writer[1])):
            with suppress(OSError):
                path.unlink()


def _has_ended(pid: int) -> bool:
    """Whether no other process of that number runs."""
    return pid == os.getpid() or identity(pid) is None


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


def files_below(folder: str | Path) -> list[Path]:
    """The sorted visible files of a folder and of those below it, linked ones included, but none twice."""
    folders, links = [Path(folder)], list[Path]()
    seen, found = set[Path](), list[Path]()
    while folders or links:
        inside = (folders or links).pop()
        if (place := inside.resolve()) in seen:
            continue
        seen.add(place)
        visible = [path for path in sorted(inside.glob("*"), reverse=True) if not path.name.startswith(".")]
        found += [path for path in visible if path.is_file()]
        for path in filter(Path.is_dir, visible):
            (links if path.is_symlink() else folders).append(path)
    return sorted(found)


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
