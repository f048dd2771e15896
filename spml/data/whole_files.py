"""Whether a result is there in whole, or cut short by a lost machine, a full disk or a hurried copy."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from spml.data.arrays import read_npy


def is_whole(path: Path) -> bool:
    """Whether a file is there and ends as its kind does; a PNG and an NPZ with its check sums seen to be right."""
    try:
        return path.stat().st_size > 0 and _KINDS.get(path.suffix.lower(), lambda _: True)(path)
    except Exception:  # a broken file can make its reader raise anything
        return False


def _png(path: Path) -> bool:
    with Image.open(path) as image:
        image.verify()
    return True


def _npz(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _npy(path: Path) -> bool:
    read_npy(path)
    return True


def _jpeg(path: Path) -> bool:
    return path.read_bytes().endswith(b"\xff\xd9")


_KINDS: dict[str, Callable[[Path], bool]] = {
    ".png": _png, ".npz": _npz, ".npy": _npy, ".jpg": _jpeg, ".jpeg": _jpeg
}  # fmt: skip
