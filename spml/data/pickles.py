"""Pickles of arrays, numbers, texts, dicts and lists, put together here, step by step, from parts that are checked.

Python's own reader calls what a file names, with what the file says, which numpy's types do not survive.
"""

import pickletools
from collections.abc import Callable
from enum import Enum
from math import prod
from typing import Any

import numpy as np

from spml.data.array_parts import array_of, checked_shape, plain_dtype

MOST_STEPS = 200_000  # of a pickle, and values that its references to earlier ones spread to


class _Global(Enum):
    """What a pickle may name, which is never called itself."""

    ARRAY_TYPE = "numpy.ndarray"
    TYPE = "numpy.dtype"
    NEW_ARRAY = "_reconstruct"
    SCALAR = "scalar"
    ENCODE = "_codecs.encode"


_OBJECTS = ("O", "O4", "O8")
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_GLOBALS = {each.value: each for each in (_Global.ARRAY_TYPE, _Global.TYPE, _Global.ENCODE)} | {
    f"{module}.{each.value}": each for module in _MULTIARRAY for each in (_Global.NEW_ARRAY, _Global.SCALAR)
}


def read_pickle(content: bytes) -> Any:
    """What a pickle of protocol 0 to 4 holds; raises an error of any kind where it is broken or holds anything else.

    Its arrays have no more bytes than the pickle, however often it says that they are the same, and its references to
    earlier values spread to MOST_STEPS values at most.
    """
    machine = _Machine(3 * len(content))
    for count, (step, argument, _) in enumerate(pickletools.genops(content)):
        if count >= MOST_STEPS:
            raise ValueError(f"more than {MOST_STEPS} steps")
        machine.step(step.name, argument)
    (value,) = machine.stack
    _check_spread(value)
    return value


def _check_spread(value: Any) -> None:
    """Raise ValueError where a value holds too many others, itself, or what is still to be built."""
    waiting, count = [value], 1
    while waiting:
        each = waiting.pop()
        if isinstance(each, _Unbuilt | _Global | np.dtype):
            raise ValueError("an array without content, or no value at all")
        within = list(each.values()) if isinstance(each, dict) else each if isinstance(each, list | tuple) else ()
        if isinstance(each, np.ndarray) and each.dtype.kind == "O":
            within = list(each.flat)
        count += len(within)
        if count > MOST_STEPS:
            raise ValueError(f"more than {MOST_STEPS} values")
        waiting.extend(within)


class _Unbuilt:
    """A type (its `code`) or an array (no code) before its state is known; `places`: where it is remembered."""

    def __init__(self, code: str = "") -> None:
        self.code, self.places = code, list[int]()


class _Machine:
    """The stack of a pickle, the marks on it, what it remembers, and how many bytes it may still make."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Do one step of a pickle, by its name in pickletools."""
        if name in _ARGUMENTS:
            self.stack.append(argument)
        elif name in _MADE:
            self.stack.append(_MADE[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise ValueError(f"{name.lower()} is not allowed")

    def since_mark(self) -> list[Any]:
        """Take everything above the last mark."""
        place = self.marks.pop()
        taken, self.stack[place:] = self.stack[place:], []
        return taken

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def remember(self, place: int | None) -> None:
        """Keep what is on top of the stack, at a place or at the next one."""
        place = len(self.memory) if place is None else place
        self.memory[place] = self.stack[-1]
        if isinstance(self.stack[-1], _Unbuilt):
            self.stack[-1].places.append(place)

    def recall(self, place: int) -> None:
        self.stack.append(self.memory[place])

    def name(self, text: str | None) -> None:
        """Put what a full name means on the stack; raises ValueError for one that is not allowed."""
        attribute = None if text else self.stack.pop()
        full = text.replace(" ", ".") if text else f"{self.stack.pop()}.{attribute}"
        if full not in _GLOBALS:
            raise ValueError(f"{full[:80]} is not allowed")
        self.stack.append(_GLOBALS[full])

    def reduce(self, _: Any) -> None:
        """What one of the allowed functions gives for its arguments, such as an array that is yet to be filled."""
        arguments, function = self.stack.pop(), self.stack.pop()
        self.spend(arguments)
        self.stack.append(_reduced(function, arguments))

    def build(self, _: Any) -> None:
        """Fill what was begun with its state."""
        state, unbuilt = self.stack.pop(), self.stack.pop()
        if not isinstance(unbuilt, _Unbuilt):
            raise ValueError("only arrays and their types may have a state")
        self.spend(state)
        built = _built_type(unbuilt.code, state) if unbuilt.code else _built_array(*state)
        self.stack.append(built)
        for place in unbuilt.places:
            self.memory[place] = built

    def spend(self, parts: tuple[Any, ...]) -> None:
        """Count the bytes and values that are copied; raises ValueError where the pickle cannot hold so many."""
        self.left -= sum(len(part) for part in parts if isinstance(part, bytes | str | list))
        if self.left < 0:
            raise ValueError("arrays larger than the file")


def _reduced(function: Any, arguments: Any) -> Any:
    """What a call comes to."""
    match function, arguments:
        case _Global.TYPE, (str(code), _, _):
            return _Unbuilt(code)
        case _Global.NEW_ARRAY, (_Global.ARRAY_TYPE, (0,), "b" | b"b"):
            return _Unbuilt()
        case _Global.SCALAR, (np.dtype() as dtype, data):
            return array_of(_bytes(data), dtype, (1,), False)[0]
        case _Global.ENCODE, (str(text), "latin1" | "latin-1"):
            return text.encode("latin1")
    raise ValueError("a call that is not allowed")


def _bytes(data: Any) -> bytes:
    """Bytes, which pickles of Python 2 hold as text."""
    if not isinstance(data, bytes | str):
        raise ValueError("an array without bytes")
    return data if isinstance(data, bytes) else data.encode("latin1")


def _built_type(code: str, state: Any) -> np.dtype:
    match state:
        case (int(), "<" | ">" | "=" | "|" as order, None, None, None, int(), int(), int()):
            dtype = np.dtype(object) if code in _OBJECTS else plain_dtype(order + code)
            if dtype is not None:
                return dtype
    raise ValueError("a type that is not plain")


def _built_array(version: int, shape: Any, dtype: Any, by_columns: Any, data: Any) -> np.ndarray:
    shape, by_columns = checked_shape(shape), bool(by_columns)
    if not isinstance(dtype, np.dtype) or version != 1:
        raise ValueError("an array without a type")
    if dtype.kind != "O":
        return array_of(_bytes(data), dtype, shape, by_columns)
    if type(data) is not list or len(data) != prod(shape):
        raise ValueError(f"an array of shape {shape} does not have as many values")
    values = np.empty(len(data), object)
    for place, value in enumerate(data):
        values[place] = value
    return values.reshape(shape, order="F" if by_columns else "C")


def _extend(machine: _Machine, values: list[Any]) -> None:
    target = machine.stack[-1]
    if type(target) is not list:
        raise ValueError("only lists may be added to")
    target.extend(values)


def _update(machine: _Machine, values: list[Any]) -> None:
    target, keys = machine.stack[-1], values[::2]
    if type(target) is not dict or len(values) % 2:
        raise ValueError("only dicts may have entries")
    if not all(isinstance(key, str | int | float | np.generic) for key in keys):
        raise ValueError("a key that is no number and no text")
    target.update(zip(keys, values[1::2], strict=True))


def _new_dict(machine: _Machine) -> None:
    values = machine.since_mark()
    machine.stack.append({})
    _update(machine, values)


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        taken, machine.stack[-count:] = machine.stack[-count:], []
        machine.stack.append(tuple(taken))

    return step


# Steps that add their argument, and those that add a value of their own.
_ARGUMENTS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT", "STRING", "SHORT_BINSTRING",
    "BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8",
}  # fmt: skip
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _Machine.name),
    "MARK": _Machine.mark,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "LIST": lambda machine, _: machine.stack.append(machine.since_mark()),
    "DICT": lambda machine, _: _new_dict(machine),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
    **{f"TUPLE{count}": _tuple_of(count) for count in (1, 2, 3)},
    "APPEND": lambda machine, _: _extend(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _extend(machine, machine.since_mark()),
    "SETITEM": lambda machine, _: _update(machine, [machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: _update(machine, machine.since_mark()),
}
