"""Finding the photograph that an annotation means."""

import logging
import re
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from spml.data.files import IMAGE_ENDINGS, find_images, visible_files
from spml.data.lists import join_fields
from spml.errors import first_of

logger = logging.getLogger(__name__)

UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")

OTHER_PICTURES = (".heic", ".heif", ".avif", ".jp2", ".dng", ".cr2", ".nef", ".arw")  # of cameras, and not read


class Photographs:
    """The photographs of a folder, by the names that annotations give them.

    Those in sub-folders and of other formats are not among them, which a warning says. Raises UserError where there is
    none, two share a name, or a name has a line break or is not in UTF-8.
    """

    def __init__(self, folder: str | Path) -> None:
        paths = find_images(folder, "--image_dir")
        join_fields(path.name for path in paths)  # refuses at once what no list can hold
        self.folder = Path(folder)
        others = [path.name for path in visible_files(self.folder) if path.suffix.lower() in OTHER_PICTURES]
        if others:
            logger.warning("%s: %s not read; expected %s", folder, first_of(others), ", ".join(IMAGE_ENDINGS))
        below = [path for path in self.folder.glob("*/**/*") if path.suffix.lower() in IMAGE_ENDINGS]
        if below:
            logger.warning("%s: %d images in sub-folders are not read, such as %s", folder, len(below), min(below))
        self.paths = {path.stem: path for path in paths}
        self._files = {path.name: path.stem for path in paths}
        self._lower: dict[str, str] = {}
        for stem in self.paths:
            self._lower[_alike(stem)] = "" if _alike(stem) in self._lower else stem

    def find(self, *names: str) -> str | None:
        """The id of the photograph that the first fitting name means, None where none fits.

        A name is a path, an address or a bare id; folders in front, an upload's prefix of eight hexadecimal digits,
        another ending and the case of its letters do not count where the name as it is fits nothing.
        """
        for name in names:
            for bare in _bare(name):
                for candidate in (bare, UPLOAD_PREFIX.sub("", bare, count=1)):
                    found = self._one(candidate)
                    if found:
                        return found
        return None

    def _one(self, name: str) -> str | None:
        if name in self._files:
            return self._files[name]
        stem = name.rpartition(".")[0] if name.lower().endswith(IMAGE_ENDINGS) else name
        for candidate in (stem, name):
            if candidate in self.paths:
                return candidate
        return self._lower.get(_alike(stem)) or None

    def is_one(self, path: Path) -> bool:
        """Whether a path is one of these photographs."""
        return path.stem in self.paths and path.resolve() == self.paths[path.stem].resolve()


def _alike(stem: str) -> str:
    """A name without regard to case, and to the two ways in which Unicode writes accents."""
    return normalize("NFC", stem).lower()


def _bare(name: str) -> tuple[str, str, str]:
    """The file name of a path, of Windows too: as it is written, of an address, and of one with parameters."""
    plain = unquote(name)
    address = plain if "?d=" in plain else plain.partition("?")[0]
    written = name.partition("?")[0]
    return re.split(r"[/\\]", written)[-1], re.split(r"[/\\]", plain)[-1], re.split(r"[/\\=]", address)[-1]
