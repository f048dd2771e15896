"""Arrays from the parts that a file states: type, shape, order and bytes, each looked at first."""

import re
from math import prod
from typing import Any

import numpy as np

_PLAIN = re.compile(r"([<>=|]?)([biufcSU])(\d{1,9})")
_LAST_LETTER = 0x10FFFF
_MOST_SIDES = 32


def plain_dtype(text: Any) -> np.dtype | None:
    """The numpy type of numbers, truth values or text that `text` such as `<f4` names; None where that is none."""
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        return None
    try:
        dtype = np.dtype(text)
    except TypeError:
        return None
    return dtype if dtype.itemsize else None


def checked_shape(shape: Any) -> tuple[int, ...]:
    """A shape of at most 32 whole numbers from 0 on; raises ValueError for anything else."""
    sides = shape if isinstance(shape, tuple) and len(shape) <= _MOST_SIDES else (-1,)
    if not all(type(side) is int and 0 <= side < 1 << 62 for side in sides):
        raise ValueError("a shape that is no tuple of whole numbers")
    return shape


def array_of(data: bytes | bytearray, dtype: np.dtype, shape: tuple[int, ...], by_columns: bool) -> np.ndarray:
    """The array of a plain type whose values are all of `data`; raises ValueError where they do not fit."""
    if len(data) != prod(shape) * dtype.itemsize:
        raise ValueError(f"an array of shape {shape} in {dtype} has {len(data)} bytes")
    values = np.frombuffer(bytearray(data) if isinstance(data, bytes) else data, dtype)
    if dtype.kind == "U" and (values.view(np.dtype("u4").newbyteorder(dtype.byteorder)) > _LAST_LETTER).any():
        raise ValueError("a text that is none")
    return values.reshape(shape, order="F" if by_columns else "C")
