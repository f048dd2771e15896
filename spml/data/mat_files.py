"""MATLAB files (.mat, version 5): the plain arrays in them, also those in their structs.

The readers of MATLAB files that are about crash on some broken ones; this one reads no more than it needs.
"""

import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from spml.errors import UserError

LARGEST_MAT = 1 << 26  # bytes, packed and unpacked: a hundred times a label map of the largest images
MOST_ELEMENTS = 100_000
COMPRESSED, MATRIX, STRUCT = 15, 14, 2
# Types by their numbers: those of stored values and those of the arrays they make.
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
ARRAYS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
COMPLEX_FLAG = 0x800
ORDERS = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}  # version and order of bytes, as a file begins: numpy's sign for it

MatArray = np.ndarray | dict[str, np.ndarray]


def read_mat(path: str | Path) -> dict[str, MatArray]:
    """Read the real numeric arrays of a `.mat` by name, and those in its 1×1 structs as a dict; all else is left out.

    Raises UserError where the file is missing, broken, not of version 5, or beyond 64 MiB.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_MAT + 1)
        if len(content) > LARGEST_MAT:
            raise ValueError(f"it has more than {LARGEST_MAT} bytes")
        if content[124:128] not in ORDERS:
            raise ValueError("it does not begin as version 5 does")
        reader = _Reader(ORDERS[content[124:128]])
        elements = reader.unpacked(memoryview(content)[128:])
        arrays = (reader.matrix(data) for kind, data in elements if kind == MATRIX)
        return {name: array for name, array in arrays if array is not None}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, zlib.error) as error:
        raise UserError(f"{path}: not a readable .mat ({error})") from None


class _Reader:
    """Reads elements whose bytes are in one order, numpy's sign for which is given."""

    def __init__(self, order: str) -> None:
        self.order, self.left = order, MOST_ELEMENTS

    def elements(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Type and content of the data elements that stand one after another."""
        while len(data):
            self.left -= 1
            if len(data) < 8 or self.left < 0:
                raise ValueError(f"it ends in the middle of an element, or has more than {MOST_ELEMENTS}")
            kind, size = struct.unpack(f"{self.order}II", data[:8])
            start, whole = 8, 8 + size + (-size % 8 if kind != COMPRESSED else 0)
            if kind >> 16:  # a small element: at most four bytes within its tag
                kind, size, start, whole = kind & 0xFFFF, kind >> 16, 4, 8
            if start + size > min(len(data), whole):
                raise ValueError("an element is longer than what holds it")
            yield kind, data[start : start + size]
            data = data[whole:]

    def unpacked(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """The elements with compressed ones unpacked; raises ValueError for more than LARGEST_MAT bytes."""
        left = LARGEST_MAT
        for kind, packed in self.elements(data):
            if kind != COMPRESSED:
                yield kind, packed
                continue
            inflater = zlib.decompressobj()
            content = inflater.decompress(packed, left)
            left -= len(content)
            if not inflater.eof or left <= 0:
                raise ValueError(f"compressed data are cut off, or unpack to more than {LARGEST_MAT} bytes")
            yield from self.elements(memoryview(content))

    def matrix(self, data: memoryview) -> tuple[str, MatArray | None]:
        """Name and content of a matrix element, None where that is no numeric array nor a 1×1 struct."""
        parts = self.elements(data)
        flags, sizes, name = (_next(parts) for _ in range(3))
        head = self.numbers(*flags)
        if not len(head):
            raise ValueError("an array has no flags")
        kind, shape = int(head[0]) & 0xFF, tuple(self.numbers(*sizes).tolist())
        array: MatArray | None = None
        if kind in ARRAYS and not int(head[0]) & COMPLEX_FLAG:
            array = self._numeric(parts, shape, ARRAYS[kind])
        elif kind == STRUCT and shape == (1, 1):
            array = self._struct(parts)
        return bytes(name[1]).decode("latin1"), array

    def numbers(self, kind: int, data: memoryview) -> np.ndarray:
        """The numbers of an element; raises ValueError for a type that is not known."""
        if kind not in STORED:
            raise ValueError(f"numbers of the unknown type {kind}")
        return np.frombuffer(data, self.order + STORED[kind])

    def _numeric(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], kind: str) -> np.ndarray:
        values = self.numbers(*_next(parts))
        if not 2 <= len(shape) <= 8 or min(shape) < 0:
            raise ValueError("an array without two to eight sides")
        if prod(shape) != len(values):
            raise ValueError(f"an array of size {shape} has {len(values)} values")
        if values.dtype.kind == "f" and kind[0] != "f":
            raise ValueError("an array of whole numbers holds fractions")
        return values.astype(kind).reshape(shape, order="F")

    def _struct(self, parts: Iterator[tuple[int, memoryview]]) -> dict[str, np.ndarray]:
        length, names = self.numbers(*_next(parts)), bytes(_next(parts)[1])
        if len(length) != 1 or length[0] < 1 or len(names) % length[0]:
            raise ValueError("a struct has broken names of its fields")
        step, fields = int(length[0]), {}
        for start in range(0, len(names), step):
            kind, data = _next(parts)
            array = self.matrix(data)[1] if kind == MATRIX and not self._is_struct(data) else None
            if isinstance(array, np.ndarray):
                fields[names[start : start + step].split(b"\0")[0].decode("latin1")] = array
        return fields

    def _is_struct(self, data: memoryview) -> bool:
        """Whether a matrix element is a struct: those in structs are left out, so that nothing nests without end."""
        return len(data) > 11 and data[8 if self.order == "<" else 11] == STRUCT


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    part = next(parts, None)
    if part is None:
        raise ValueError("an array ends too early")
    return part
