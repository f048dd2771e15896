"""A folder of results that appear together or not at all."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spml.data.files import make_dir
from spml.errors import UserError

PARTIAL = ".annotations.partial"


class OutputFolder:
    """A folder that gets `names`, the last of which marks that they are there.

    Raises UserError where one of them is there without the mark: it is not this program's to replace.
    """

    def __init__(self, folder: str | Path, names: Sequence[str]) -> None:
        self.folder, self.names = Path(folder), names
        foreign = [name for name in names if os.path.lexists(self.folder / name)]
        if foreign and names[-1] not in foreign:
            raise UserError(
                f"--save_dir {folder}: holds a {foreign[0]} that is not from here (no {names[-1]} beside it); "
                "choose another folder"
            )

    @contextmanager
    def filled(self) -> Iterator[Path]:
        """Yield a folder to fill, whose content takes the place of what was there when the block ends without error."""
        partial = self.folder / PARTIAL
        shutil.rmtree(partial, ignore_errors=True)
        make_dir(partial)
        try:
            yield partial
            self._move(partial)
        except OSError as error:
            raise UserError(f"--save_dir {self.folder}: cannot be written ({error})") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _move(self, partial: Path) -> None:
        for name in self.names:
            old, new = self.folder / name, partial / name
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink(missing_ok=True)
            if new.exists():
                os.replace(new, old)


def relative_paths(paths: Sequence[Path], data_dir: str | Path) -> list[str]:
    """Paths relative to the data root, as data lists name them.

    Raises UserError where one does not lie in it.
    """
    root = os.path.abspath(data_dir)
    found = [os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/") for path in paths]
    for path, name in zip(paths, found, strict=True):
        if name.startswith("../"):
            raise UserError(f"{path}: is not in --data_dir {data_dir}, which lists are relative to")
    return found
