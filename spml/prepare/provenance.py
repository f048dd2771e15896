"""What the files of a folder were made with, kept beside them: those of other settings never pass for new ones."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spml.data.files import read_text, visible_files, write_text
from spml.data.fingerprints import differences
from spml.errors import UserError

# Hidden, so that nothing takes it for an output.
PROVENANCE_NAME = ".made_with.json"
SEVERAL = {"several": True}  # files of several settings lie side by side
REMEDY = "run without --skip_existing to make all anew, or write to another folder"


@dataclass(frozen=True)
class Provenance:
    """The settings (plain data) that a run makes the files of some folders with."""

    settings: dict[str, Any]

    def refuse_others(self, folder: Path) -> None:
        """Raise UserError where a folder's files were made with other settings; without a record they are foreign."""
        if not (path := folder / PROVENANCE_NAME).is_file():
            return
        if (old := _read(path)) == SEVERAL:
            raise UserError(f"--skip_existing: {folder} holds files made with several settings; {REMEDY}")
        changed = differences(old, self._plain())
        if changed:
            raise UserError(f"--skip_existing: {folder} was made with other settings: {changed[0]}; {REMEDY}")

    def begin_anew(self, folder: Path) -> None:
        """Mark a folder whose files of other settings are about to be replaced, until `finish`."""
        if (path := folder / PROVENANCE_NAME).is_file() and _read(path) != self._plain():
            _write(path, SEVERAL)

    def record(self, folders: Iterable[Path]) -> None:
        """Record the settings where nothing is recorded, once the folder is there."""
        for folder in folders:
            if folder.is_dir() and not (folder / PROVENANCE_NAME).is_file():
                _write(folder / PROVENANCE_NAME, self._plain())

    def finish(self, folder: Path, made: set[Path]) -> None:
        """Record the settings if `made` are all files of a folder; if not, those of others stay marked."""
        path = folder / PROVENANCE_NAME
        if path.is_file() and _read(path) == SEVERAL and made.issuperset(visible_files(folder)):
            _write(path, self._plain())

    def _plain(self) -> dict[str, Any]:
        return json.loads(json.dumps(self.settings))


def _write(path: Path, settings: dict[str, Any]) -> None:
    write_text(path, json.dumps(settings, indent=1) + "\n")


def _read(path: Path) -> dict[str, Any]:
    """The settings of a record; a broken one says nothing of the files, so that they may be of several."""
    try:
        found = json.loads(read_text(path, "settings"))
    except (UserError, ValueError, RecursionError):
        return SEVERAL
    return found if isinstance(found, dict) else SEVERAL
