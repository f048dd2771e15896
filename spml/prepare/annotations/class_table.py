"""The classes of a data set: names and ids, the background if there is one, and names that are no class."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from spml.data.class_names import class_id, has_background, read_class_names
from spml.data.labels import UNLABELLED, VOID
from spml.errors import UserError

VOID_NAMES = ("void", "ignore", "ignored", "dont care")
UNLABELLED_NAMES = ("unlabelled", "unlabeled", "unknown")


@dataclass(frozen=True)
class ClassTable:
    """Names of the classes, a class's id being its place; background: whether id 0 is the background.

    listed: the names as the user's file lists them, which is what class numbers in files of the user mean.
    """

    names: tuple[str, ...]
    background: bool
    listed: tuple[str, ...]

    @property
    def numbered(self) -> tuple[str, ...]:
        """The names as numbers in files of the user count them from 0; LabelMe's `__ignore__` in front counts as −1."""
        return self.listed[1:] if self.listed[0].startswith("__ignore") else self.listed

    def value(self, name: str) -> int | None:
        """What a label map holds for a name: a class id, 255 for void, 254 for unlabelled; None for an unknown name."""
        try:
            return class_id(name, self.names, "")
        except UserError:
            return _special(name)

    def nearest(self, name: str) -> str | None:
        """The class whose name is written most alike, None where none is near."""
        lower = {known.lower(): known for known in self.names}
        near = difflib.get_close_matches(name.lower(), lower, 1, 0.5)
        return lower[near[0]] if near else None

    def foreground(self, value: int) -> bool:
        """Whether a value of a label map is a class that counts as a tag."""
        return int(self.background) <= value < len(self.names)


def _special(name: str) -> int | None:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    for names, value in ((VOID_NAMES, VOID), (UNLABELLED_NAMES, UNLABELLED)):
        if plain in ["".join(known.split()) for known in names]:
            return value
    return None


def read_class_table(path: str | Path, background: str | None) -> ClassTable:
    """Read classes.txt, one name a line.

    background: a name, which gets id 0; "none"; or None: the first line if it is called background. Lines such as
    `void`, `__ignore__` and `unlabelled` are no classes. Raises UserError where the file is no such table, or has no
    class of the background's name.
    """
    listed = read_class_names(path)
    names = [name for name in listed if _special(name) is None]
    if len(names) < 2:
        raise UserError(f"class names {path}: expected two classes or more beside void ones, got {len(names)}")
    if background is None:
        return ClassTable(tuple(names), has_background(names), listed)
    if background.lower() == "none":
        return ClassTable(tuple(names), False, listed)
    first = names.pop(class_id(background, names, f"--background, {path}"))
    return ClassTable((first, *names), True, listed)
