"""Finding the photograph that an annotation means."""

import filecmp
import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from spml.data.files import IMAGE_ENDINGS, find_images, visible_files, warn_of_images_below
from spml.data.lists import join_fields
from spml.errors import first_of

logger = logging.getLogger(__name__)

UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")
ROBOFLOW_ENDING = re.compile(r"[_.-](jpe?g|png|bmp|tiff?|webp)\.rf\.[0-9a-zA-Z]+$", re.IGNORECASE)

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
        warn_of_images_below(folder)
        self.paths = {path.stem: path for path in paths}
        self._files = {path.name: path.stem for path in paths}
        self._lower, self._signless = _unique(self.paths, _alike), _unique(self.paths, _without_signs)

    def find(self, *names: str) -> str | None:
        """The id of the photograph that the first fitting name means, None where none fits.

        A name is a path, an address or a bare id. Folders in front, an upload's prefix of eight hexadecimal digits,
        another ending, Roboflow's too, the case of its letters, and of uploads the signs that Label Studio drops do not
        count where the name as it is fits nothing.
        """
        for name in names:
            for bare in _bare(name):
                uploaded = UPLOAD_PREFIX.sub("", bare, count=1)
                found = self._one(bare) or (self._one(uploaded, True) if uploaded != bare else None)
                if found:
                    return found
        return None

    def _one(self, name: str, uploaded: bool = False) -> str | None:
        if name in self._files:
            return self._files[name]
        stem = name.rpartition(".")[0] if name.lower().endswith(IMAGE_ENDINGS) else name
        for candidate in (stem, name):
            if candidate in self.paths:
                return candidate
        plain = ROBOFLOW_ENDING.sub("", stem)
        return self._lower.get(_alike(plain)) or (uploaded and self._signless.get(_without_signs(plain))) or None

    def is_one(self, path: Path) -> bool:
        """Whether a path is one of these photographs."""
        return path.stem in self.paths and path.resolve() == self.paths[path.stem].resolve()

    def is_copy(self, path: Path) -> bool:
        """Whether a path is one of these photographs, or a file of the same name and content."""
        own = self.paths.get(path.stem)
        if own is None or own.name != path.name or self.is_one(path):
            return self.is_one(path)
        try:
            return filecmp.cmp(own, path, shallow=False)
        except OSError:
            return False


def copy_of(name: str) -> str | None:
    """What Roboflow says of a copy's name, which is another for each of its augmentations; None for other names."""
    found = ROBOFLOW_ENDING.search(re.sub(r"\.[a-zA-Z]{3,4}$", "", name))
    return found[0] if found else None


def _unique(names: Iterable[str], key: Callable[[str], str]) -> dict[str, str]:
    """Names by what a key makes of them, '' where that is the same for several."""
    found: dict[str, str] = {}
    for name in names:
        found[key(name)] = "" if key(name) in found else name
    return found


def _without_signs(stem: str) -> str:
    """A name as Django keeps it of an upload, without regard to case."""
    return re.sub(r"[^-\w.]", "", _alike(stem).strip().replace(" ", "_"))


def _alike(stem: str) -> str:
    """A name without regard to case, and to the two ways in which Unicode writes accents."""
    return normalize("NFC", stem).lower()


def _bare(name: str) -> tuple[str, str, str]:
    """The file name of a path, of Windows too: as it is written, of an address, and of one with parameters."""
    plain = unquote(name)
    address = plain if "?d=" in plain else plain.partition("?")[0]
    written = name.partition("?")[0]
    return re.split(r"[/\\]", written)[-1], re.split(r"[/\\]", plain)[-1], re.split(r"[/\\=]", address)[-1]
