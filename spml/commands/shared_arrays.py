"""Large arrays on their way to another process: memory that both map, where the system has it, in place of a pipe."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEAST_SHARED = 1 << 20  # bytes; smaller arrays are pickled


@dataclass(frozen=True)
class SharedArray:
    """Where another process of this user finds an array, as long as this one keeps it."""

    path: str
    shape: tuple[int, ...]
    dtype: str

    def mapped(self) -> np.ndarray:
        """The array; what is written into it stays here."""
        return np.memmap(self.path, self.dtype, "c", shape=self.shape)


@dataclass
class Parcel:
    """Arguments of a call in another process; keep it until the call has ended, then `close` it."""

    arguments: list[Any] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def close(self) -> None:
        """Give the memory back."""
        while self.descriptors:
            os.close(self.descriptors.pop())


def pack(arguments: Sequence[Any]) -> Parcel:
    """The arguments with their large arrays in anonymous files; those stay as they are where that cannot be."""
    parcel = Parcel()
    for argument in arguments:
        if isinstance(argument, np.ndarray) and argument.nbytes >= LEAST_SHARED and not argument.dtype.hasobject:
            with suppress(OSError, AttributeError):  # no memory is left, or the system has no such files
                argument = _share(argument, parcel.descriptors)
        parcel.arguments.append(argument)
    return parcel


def unpack(arguments: Sequence[Any]) -> list[Any]:
    """The arguments that `pack` was given, in the process that received them."""
    return [argument.mapped() if isinstance(argument, SharedArray) else argument for argument in arguments]


def _share(array: np.ndarray, descriptors: list[int]) -> SharedArray:
    # Written as a file: where no memory is left this is an error, while a write to mapped memory kills the process.
    descriptor = os.memfd_create("spml")
    path = f"/proc/{os.getpid()}/fd/{descriptor}"
    try:
        with open(path, "wb", buffering=0) as file:
            content = np.ascontiguousarray(array).data.cast("B")
            while content:
                content = content[file.write(content) :]
    except OSError:
        os.close(descriptor)
        raise
    descriptors.append(descriptor)
    return SharedArray(path, array.shape, array.dtype.str)
