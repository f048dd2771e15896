"""All prototypes of a folder in one file, in the safetensors form, which processes map into memory together."""

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spml.data import fingerprints
from spml.data.files import atomic_path, need_dir, visible_files
from spml.data.prototype_files import read_prototypes
from spml.errors import UserError

JOINED = "joined.safetensors"
SPARE = 1024  # bytes of the head beside the names of the images
ALIGNMENT = 64
FINITE_ROWS = 1 << 16  # rows that are looked at together
FILE_TYPES = {"float32": "F32", "float16": "F16"}  # the types of `test.prototypes`, as safetensors calls them


def prototype_paths(folder: Path) -> list[Path]:
    """The prototype files of a folder by name, one an image."""
    return list({path.stem: path for path in visible_files(folder) if path.suffix in (".npy", ".npz")}.values())


def read_prototype_folder(
    folder: str | Path, dim: int, num_classes: int, kind: str = "float32"
) -> tuple[np.ndarray, np.ndarray]:
    """All prototypes of a folder whose label is a class: [M, dim] of type `kind` and [M]; raises UserError for none.

    Mapped from the joined file where there is one of the same files, dimension, classes and type. kind: float32 or
    float16 (`test.prototypes`), for which UserError is raised where a prototype lies beyond it.
    """
    folder = need_dir(folder, "--semantic_memory_dir")
    paths = prototype_paths(folder)
    if not paths:
        raise UserError(f"--semantic_memory_dir {folder}: holds no prototypes ID.npz; make them with prototype.py")
    joined = _read_joined(folder / JOINED, _state(paths, num_classes), dim, kind)
    if joined is not None:
        return joined
    prototypes, labels = zip(*(_read(path, dim, kind) for path in paths), strict=True)
    prototype, label = np.concatenate(prototypes), np.concatenate(labels)
    is_class = (label >= 0) & (label < num_classes)
    if not is_class.any():
        raise UserError(f"--semantic_memory_dir {folder}: none of {len(label)} prototypes has a label < {num_classes}")
    return prototype[is_class], label[is_class]


def join_prototypes(folder: Path, dim: int, num_classes: int, kind: str = "float32") -> None:
    """Write FOLDER/joined.safetensors from the files of all images, unless it is there, theirs and of type `kind`.

    prototype: [M, dim] of that type, label: [M] int64, those of classes alone; start: [N + 1] int64, the rows of image
    i, of the names in the head's metadata, are start[i]..start[i + 1].
    """
    paths = prototype_paths(folder)
    state = _state(paths, num_classes)
    if not paths or _read_joined(folder / JOINED, state, dim, kind) is not None:
        return
    metadata = {"state": state, "images": "\n".join(path.stem for path in paths)}
    room = len(json.dumps(metadata)) + SPARE
    room += -(room + 8) % ALIGNMENT
    with atomic_path(folder / JOINED) as partial, open(partial, "wb") as file:
        file.seek(room + 8)
        labels, start = _write_rows(file, paths, dim, num_classes, kind)
        file.write(labels.tobytes() + start.tobytes())
        shapes = {"prototype": (FILE_TYPES[kind], [len(labels), dim]), "label": ("I64", [len(labels)])}
        head = _head({**shapes, "start": ("I64", [len(start)])}) | {"__metadata__": metadata}
        file.seek(0)
        file.write(struct.pack("<Q", room) + json.dumps(head).ljust(room).encode())


def _write_rows(
    file: BinaryIO, paths: list[Path], dim: int, num_classes: int, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Write the prototypes of classes; returns their labels, and where each image starts."""
    labels, start = [np.zeros(0, np.int64)], [0]
    for path in paths:
        prototype, label = _read(path, dim, kind)
        known = (label >= 0) & (label < num_classes)
        file.write(prototype[known].astype(_little(kind)).tobytes())
        labels.append(label[known])
        start.append(start[-1] + int(known.sum()))
    return np.concatenate(labels).astype("<i8"), np.array(start, "<i8")


def _read(path: Path, dim: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Prototypes of one image, of this type, and labels."""
    prototype, label = read_prototypes(path, dim)
    most = np.finfo(kind).max
    if np.abs(prototype).max(initial=0) > most:
        raise UserError(
            f"{path}: prototype holds values beyond {most:.0f}, expected unit vectors; or set test.prototypes: float32"
        )
    return prototype.astype(kind, copy=False), label


def _little(kind: str) -> np.dtype:
    return np.dtype(kind).newbyteorder("<")


def _head(shapes: dict[str, tuple[str, list[int]]]) -> dict[str, Any]:
    """Types, shapes and places of tensors that follow each other."""
    head, place = {}, 0
    for name, (kind, shape) in shapes.items():
        end = place + int(kind[1:]) // 8 * int(np.prod(shape, dtype=np.int64))
        head[name] = {"dtype": kind, "shape": shape, "data_offsets": [place, end]}
        place = end
    return head


def _state(paths: list[Path], num_classes: int) -> str:
    """What tells the files that were joined from those that are there now."""
    stamps = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return fingerprints.of_value([num_classes, stamps])


def _read_joined(path: Path, state: str, dim: int, kind: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Prototypes, mapped from a joined file, and labels; None where it is not there, broken, or another one.

    Another one is of another state or type.
    """
    try:
        with open(path, "rb") as file:
            (room,) = struct.unpack("<Q", file.read(8))
            head = json.loads(file.read(min(room, path.stat().st_size)))
            count = head["label"]["shape"][0]
            shapes = {"prototype": (FILE_TYPES[kind], [count, dim]), "label": ("I64", [count])}
            fits = count > 0 and _head(shapes).items() <= head.items()
            if head["__metadata__"]["state"] != state or not fits:
                return None
            prototype = np.memmap(path, _little(kind), "c", room + 8, (count, dim))
            label = np.array(np.memmap(path, "<i8", "c", room + 8 + prototype.nbytes, (count,)))
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError, struct.error, RecursionError):
        return None
    finite = all(np.isfinite(prototype[i : i + FINITE_ROWS]).all() for i in range(0, count, FINITE_ROWS))
    return (prototype, label) if finite else None
