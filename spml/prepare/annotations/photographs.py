"""Finding the photograph that an annotation means."""

import logging
import re
from pathlib import Path
from urllib.parse import unquote

from spml.data.files import IMAGE_ENDINGS, find_images
from spml.data.lists import join_fields

logger = logging.getLogger(__name__)

UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")


class Photographs:
    """The photographs of a folder, by the names that annotations give them.

    Those in sub-folders are not among them, which a warning says. Raises UserError where there is none, two share a
    name, or a name has a line break.
    """

    def __init__(self, folder: str | Path) -> None:
        paths = find_images(folder, "--image_dir")
        join_fields(path.name for path in paths)  # refuses at once what no list can hold
        self.folder = Path(folder)
        below = [path for path in self.folder.glob("*/**/*") if path.suffix.lower() in IMAGE_ENDINGS]
        if below:
            logger.warning("%s: %d images in sub-folders are not read, such as %s", folder, len(below), min(below))
        self.paths = {path.stem: path for path in paths}
        self._files = {path.name: path.stem for path in paths}
        self._lower: dict[str, str] = {}
        for stem in self.paths:
            self._lower[stem.lower()] = "" if stem.lower() in self._lower else stem

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
        return self._lower.get(stem.lower()) or None

    def is_one(self, path: Path) -> bool:
        """Whether a path is one of these photographs."""
        return path.stem in self.paths and path.resolve() == self.paths[path.stem].resolve()


def _bare(name: str) -> tuple[str, str]:
    """The file name of a path, of Windows too, and that of an address with its parameters."""
    plain = unquote(name)
    address = plain if "?d=" in plain else plain.partition("?")[0]
    return re.split(r"[/\\]", plain)[-1], re.split(r"[/\\=]", address)[-1]
