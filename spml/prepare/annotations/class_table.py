"""The classes of a data set: names and ids, the background if there is one, and names that are no class."""

import difflib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from spml.data.class_names import advice_for_one, class_id, has_background, later_background, read_class_names
from spml.data.labels import UNLABELLED, VOID
from spml.errors import UserError

logger = logging.getLogger(__name__)

VOID_NAMES = ("void", "ignore", "ignored", "dont care")
UNLABELLED_NAMES = ("unlabelled", "unlabeled", "unknown")


@dataclass(frozen=True)
class ClassTable:
    """Names of the classes, a class's id being its place; background: whether id 0 is the background.

    numbered: the names as `counted_names` gives them, which is what class numbers in files of the user mean.
    """

    names: tuple[str, ...]
    background: bool
    numbered: tuple[str, ...]

    def value(self, name: str) -> int | None:
        """What a label map holds for a name: a class id, 255 for void, 254 for unlabelled; None for an unknown name."""
        return _value(name, self.names)

    def nearest(self, name: str) -> str | None:
        """The class whose name is written most alike, None where none is near."""
        lower = {known.lower(): known for known in self.names}
        near = difflib.get_close_matches(name.lower(), lower, 1, 0.5)
        return lower[near[0]] if near else None

    def foreground(self, value: int) -> bool:
        """Whether a value of a label map is a class that counts as a tag."""
        return int(self.background) <= value < len(self.names)


@lru_cache(maxsize=1 << 16)  # of hundreds of thousands of shapes most have one of few names
def _value(name: str, names: tuple[str, ...]) -> int | None:
    try:
        return class_id(name, names, "")
    except UserError:
        return _special(name)


def _special(name: str) -> int | None:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    for names, value in ((VOID_NAMES, VOID), (UNLABELLED_NAMES, UNLABELLED)):
        if plain in ["".join(known.split()) for known in names]:
            return value
    return None


def counted_names(lines: Iterable[str]) -> tuple[str, ...]:
    """The names that a file lists, one a line, as numbers count them from 0; LabelMe's `__ignore__` in front is −1."""
    names = tuple(line.strip() for line in lines if line.strip())
    return names[1:] if names and names[0].lower().startswith("__ignore") else names


def read_class_table(path: str | Path, background: str | None) -> ClassTable:
    """Read classes.txt, one name a line.

    background: a name, which gets id 0; "none"; or None: the first line if it is called background. Lines such as
    `void`, `__ignore__` and `unlabelled` are no classes. Raises UserError where the file is no such table, or has no
    class of the background's name.
    """
    listed = read_class_names(path)
    numbered = counted_names(listed)
    names = [name for name in listed if _special(name) is None]
    if len(names) < 2:
        beside = f"beside void ones, got {len(names)}{advice_for_one(names)}"
        raise UserError(f"class names {path}: expected two classes or more {beside}")
    if background is None:
        if not has_background(names) and (later := later_background(names)):
            logger.warning(
                "class names %s: %r is not the first line and counts as any other class; put it first, or say "
                "--background %r or none",
                path,
                later,
                later,
            )
        return ClassTable(tuple(names), has_background(names), numbered)
    if background.lower() == "none":
        return ClassTable(tuple(names), False, numbered)
    first = names.pop(class_id(background, names, f"--background, {path}"))
    return ClassTable((first, *names), True, numbered)
