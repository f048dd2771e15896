"""Arrays in `.npy` and `.npz` files, which may be broken or hostile: no code of a file ever runs."""

import os
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from spml.data.paths import atomic_path
from spml.errors import UserError

_NUMPY_GLOBALS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
}


class _NumpyUnpickler(pickle.Unpickler):
    """Builds numpy arrays, numbers, strings, dicts and lists, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _NUMPY_GLOBALS:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def read_npy(path: str | Path) -> Any:
    """Read a `.npy`: a plain array, or the object it pickles (a dict of arrays, say) through a restricted unpickler.

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

    Raises UserError where the file is missing, broken, or holds anything but plain arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.filename.removesuffix(".npy"): _read_member(archive, info) for info in archive.infolist()}
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
    """The array of an open `.npy` of `length` bytes; a header that promises more than that is refused unread."""
    read_header = np.lib.format.read_array_header_1_0
    if np.lib.format.read_magic(file) != (1, 0):
        read_header = np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        if plain:
            raise ValueError("pickled objects are not allowed")
        content = _NumpyUnpickler(file, encoding="latin1").load()
        return content.item() if isinstance(content, np.ndarray) and content.ndim == 0 else content
    needed = dtype.itemsize
    for side in shape:
        needed *= side
    if not 0 <= needed <= length - file.tell():
        raise ValueError(f"the file is too short for an array of shape {shape}")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def write_arrays(path: str | Path, compress: bool = False, **arrays: np.ndarray) -> None:
    """Write plain arrays as an `.npz`, atomically."""
    save = np.savez_compressed if compress else np.savez
    with atomic_path(path) as partial:
        save(partial, **arrays)  # type: ignore[arg-type]  # numpy's stub takes them for its own flags
