"""What stages read from outside a recipe: files whose change makes results old."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spml.data.fingerprints import of_file, of_folder, of_value
from spml.data.lists import listed_ids, split_fields
from spml.data.paths import read_text
from spml.errors import UserError, first_of

ABSENT = "absent"


class Input(Protocol):
    """Files from outside a recipe."""

    @property
    def path(self) -> str:
        """The file or folder that stands for them."""

    def fingerprint(self, root: str) -> str:
        """A text that differs where the files do, ABSENT where there are none; root: what paths are relative to."""

    def check(self, root: str) -> None:
        """Raise UserError where files are missing that no stage will make."""


@dataclass(frozen=True)
class FolderInput:
    """The files of a folder."""

    path: str

    def fingerprint(self, root: str) -> str:
        """By relative name, size and time of change."""
        folder = Path(root, self.path)
        return of_folder(folder) if folder.is_dir() else ABSENT

    def check(self, root: str) -> None:
        """Nothing: the scripts say what they lack."""


@dataclass(frozen=True)
class PathInput:
    """A file or a folder, whichever is there."""

    path: str

    def fingerprint(self, root: str) -> str:
        """Of a file by its content, of a folder as FolderInput."""
        path = Path(root, self.path)
        return of_file(path) if path.is_file() else FolderInput(self.path).fingerprint(root)

    def check(self, root: str) -> None:
        """Nothing: the scripts say what they lack."""


def _fields(path: Path) -> list[str]:
    """The paths that a data list names; [] where it is not there, not text, or not yet made."""
    try:
        lines = read_text(path, "data list").splitlines()
        return [field for line in lines for field in split_fields(line, str(path))]
    except UserError:
        return []


def _stamp(path: str) -> tuple[int, int]:
    """Size and time of change, zeros where there is no file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a null byte
        return 0, 0
    return found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class ListInput:
    """A data list and the files that it names, relative to a data folder."""

    path: str
    data_dir: str

    def fingerprint(self, root: str) -> str:
        """By the list's content, and size and time of change of what it names."""
        path, data = Path(root, self.path), Path(root, self.data_dir)
        if not os.path.isfile(path):
            return ABSENT
        return of_value([(field, *_stamp(os.path.join(data, field))) for field in _fields(path)])

    def check(self, root: str) -> None:
        """Nothing: the scripts say what they lack."""


@dataclass(frozen=True)
class CamInput:
    """Class activation maps of another project, ID.npy for each image of a data list."""

    path: str
    data_list: str

    def fingerprint(self, root: str) -> str:
        """By relative name, size and time of change."""
        return FolderInput(self.path).fingerprint(root)

    def check(self, root: str) -> None:
        """Raise UserError where the maps of listed images are missing; a list that is not there yet names none."""
        folder = Path(root, self.path)
        if not folder.is_dir():
            raise UserError(f"CAMS={self.path}: no such folder")
        try:
            names = [f"{name}.npy" for name in listed_ids(Path(root, self.data_list))]
        except UserError:
            return
        missing = [name[:200] for name in names if not os.path.isfile(folder / name)]
        if missing:
            raise UserError(f"CAMS={self.path}: {first_of(missing)} not found")
