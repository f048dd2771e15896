"""What a launcher such as torchrun says of this process: which of how many it is."""

import os

from spml.errors import UserError

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
MEETING = ("RANK", "MASTER_ADDR", "MASTER_PORT")


def this_rank() -> int:
    """This process's number among those of the launcher, known before any of them is connected."""
    return _number("RANK", 0)


def num_ranks() -> int:
    """How many processes the launcher started."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """This process's number among those on this machine."""
    return _number("LOCAL_RANK", 0)


def ranks_here() -> int:
    """How many of them are on this machine."""
    return _number("LOCAL_WORLD_SIZE", 1)


def check_launcher() -> None:
    """Raise UserError where the environment says of several processes what cannot be."""
    for name in NAMES:
        _number(name, 0)
    missing = [name for name in MEETING if num_ranks() > 1 and not os.environ.get(name)]
    if num_ranks() < 1 or missing:
        why = f"but {missing[0]} is not set" if missing else "expected at least 1"
        raise UserError(
            f"WORLD_SIZE is {num_ranks()}, {why}; torchrun starts several processes, for one unset WORLD_SIZE"
        )
    if this_rank() >= num_ranks():
        raise UserError(f"RANK is {this_rank()} and WORLD_SIZE {num_ranks()}; expected a rank below WORLD_SIZE")


def _number(name: str, default: int) -> int:
    """A number of the environment; a variable that is empty says nothing."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UserError(f"{name} is {text[:40]!r} in the environment, expected a whole number, as torchrun sets it")
    return int(text)
