"""Arrays in `.npy` and `.npz` files, which may be broken or hostile: no code of a file ever runs."""

import ast
import os
import re
import zipfile
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from spml.data.array_parts import array_of, checked_shape, plain_dtype
from spml.data.paths import atomic_path
from spml.data.pickles import read_pickle
from spml.errors import UserError

LARGEST = 1 << 30  # bytes of a file, and of all members of an `.npz` together, unpacked
_MOST_MEMBERS = 1000
_LONGEST_HEAD = 4096


def read_npy(path: str | Path) -> Any:
    """Read a `.npy`: a plain array, or the object it pickles (a dict of arrays, say) by steps that run no code.

    Raises UserError where the file is missing, broken, or asks for anything but numpy arrays, numbers, strings, dicts
    and lists.
    """
    try:
        with open(path, "rb") as file:
            return _read_array(file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as error:  # a broken pickle raises anything
        wanted = "a readable .npy of arrays, numbers, strings, dicts and lists"
        raise UserError(f"{path}: not {wanted} ({_one_line(error)})") from None


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Read all arrays of an `.npz` into a dict.

    Raises UserError where the file is missing, broken, unpacks to more than LARGEST, or holds anything but plain
    arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS or sum(info.file_size for info in members) > LARGEST:
                raise ValueError(f"more than {_MOST_MEMBERS} arrays or {LARGEST} bytes")
            return {info.filename.removesuffix(".npy"): _read_member(archive, info) for info in members}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as error:  # zip and zlib raise errors of their own, and a dozen of Python's
        raise UserError(f"{path}: not a readable .npz of plain arrays ({_one_line(error)})") from None


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as file:
        array = _read_array(file, info.file_size, plain=True)
        file.read()  # the check sum is compared at the end
    return array


def _read_array(file: IO[bytes], length: int, plain: bool = False) -> Any:
    """The array of an open `.npy` of `length` bytes, which must be as many as its head says; nothing else is read."""
    if length > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    descr, shape, by_columns = _read_head(file)
    if descr in ("O", "|O") and not plain:
        content = read_pickle(file.read(length))
        return content.item() if isinstance(content, np.ndarray) and content.ndim == 0 else content
    dtype, left = plain_dtype(descr), length - file.tell()
    if dtype is None:
        raise ValueError(f"arrays of type {str(descr)[:80]!r} are not allowed")
    if prod(shape) * dtype.itemsize != left:
        raise ValueError(f"the head says {prod(shape)} values of {dtype.itemsize} bytes, there are {left} bytes")
    return array_of(bytearray(file.read(left)), dtype, shape, by_columns)


def _read_head(file: IO[bytes]) -> tuple[Any, tuple[int, ...], bool]:
    """Type as it is written, shape, and whether columns come first, of an open `.npy`."""
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError("it does not begin as an array does")
    length = int.from_bytes(file.read(2 if start[6] == 1 else 4), "little")
    if length > _LONGEST_HEAD:
        raise ValueError(f"a head of {length} bytes")
    text = re.sub(r"(\d)L\b", r"\1", file.read(length).decode("latin1"))  # Python 2 wrote sides such as 3L
    head = ast.literal_eval(text.strip())
    if not isinstance(head, dict) or set(head) != {"descr", "fortran_order", "shape"}:
        raise ValueError("a head without descr, fortran_order and shape")
    if not isinstance(head["fortran_order"], bool):
        raise ValueError("fortran_order is neither True nor False")
    return head["descr"], checked_shape(head["shape"]), head["fortran_order"]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def write_arrays(path: str | Path, compress: bool = False, **arrays: np.ndarray) -> None:
    """Write plain arrays as an `.npz`, atomically."""
    save = np.savez_compressed if compress else np.savez
    with atomic_path(path) as partial:
        save(partial, **arrays)  # type: ignore[arg-type]  # numpy's stub takes them for its own flags
