"""Fingerprints of files and folders: short texts that differ where the content does, made without reading much."""

import hashlib
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from spml.data.paths import files_below

LONGEST_VALUE = 300
LENGTH = 16


def of_value(value: Any) -> str:
    """Fingerprint of plain data (dicts, lists, numbers, text), whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:LENGTH]


def of_file(path: str | Path) -> str:
    """Fingerprint of a file's content; of a zip archive (`.pth`, `.npz`) that of its table of check sums.

    Raises OSError where it cannot be read.
    """
    path = Path(path)
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        # Snapshots name their top folder after the file; that is no content.
        return of_value([(i.filename.partition("/")[2] or i.filename, i.CRC, i.file_size) for i in archive.infolist()])
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()[:LENGTH]


def of_stamps(paths: list[Path]) -> str:
    """Fingerprint of many files by name, size and time of change: what tells an edited data set from the one before."""
    stamps = ((str(path), path.stat()) for path in sorted(paths))
    return of_value([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stamps])


def of_folder(folder: str | Path) -> str:
    """Fingerprint of the visible files below a folder, by links too, by relative name, size and time of change."""
    stats = [(str(path.relative_to(folder)), path.stat()) for path in files_below(folder)]
    return of_value([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def of_prepared(path: str | Path) -> str:
    """Fingerprint of prepared data, a file or those below a folder, whenever made: texts by content, others by size.

    Files that no stage reads, such as pages and those of a file manager, do not count; '' where one goes meanwhile.
    """
    path = Path(path)
    try:
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        few = [each for each in files if each.suffix in (".txt", ".png", ".xml")]
        return of_value([(str(f.relative_to(path)), _text_or_size(f)) for f in few])
    except OSError:
        return ""


def _text_or_size(path: Path) -> str | int:
    return of_file(path) if path.suffix == ".txt" else path.stat().st_size


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Lines `key was OLD, is NEW` for the entries in which two flat dicts differ."""
    missing = object()
    keys = [key for key in {**old, **new} if old.get(key, missing) != new.get(key, missing)]
    return [f"{key} was {_cut(old.get(key, 'absent'))}, is {_cut(new.get(key, 'absent'))}" for key in keys]


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
