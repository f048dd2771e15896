"""Names of the classes; a class's id is its place in the table, the background first where there is one."""

from collections.abc import Sequence
from pathlib import Path

from spml.data.files import read_text
from spml.errors import UserError

VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

DENSEPOSE_CLASSES = (
    "background", "torso", "right hand", "left hand", "left foot", "right foot", "right thigh", "left thigh",
    "right leg", "left leg", "left arm", "right arm", "left forearm", "right forearm", "head",
)  # fmt: skip

# Other spellings of VOC classes that scribble annotations use.
_SYNONYMS = {
    "plane": "aeroplane",
    "airplane": "aeroplane",
    "bike": "bicycle",
    "table": "diningtable",
    "motorcycle": "motorbike",
    "plant": "pottedplant",
    "couch": "sofa",
    "monitor": "tvmonitor",
    "tv": "tvmonitor",
}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def class_id(name: str, class_names: Sequence[str], where: str | Path) -> int:
    """The id of a class by its name, whatever its case, spaces and dashes; common synonyms of VOC names count too.

    Raises UserError, beginning with `where` the name was found, for a name that is not in `class_names`.
    """
    ids = {_plain(known): number for number, known in enumerate(class_names)}
    name_plain = _plain(name)
    found = ids.get(name_plain, ids.get(_SYNONYMS.get(name_plain, name_plain)))
    if found is None:
        raise UserError(f"{where}: unknown class {name!r}; expected one of {', '.join(class_names)}")
    return found


def has_background(class_names: Sequence[str]) -> bool:
    """Whether the first class is called background, whatever signs stand around the word."""
    return _is_background(class_names[0])


def later_background(class_names: Sequence[str]) -> str:
    """The first class called background after the first one, '' where there is none."""
    return next(filter(_is_background, class_names[1:]), "")


def _is_background(name: str) -> bool:
    return "".join(letter for letter in name.lower() if letter.isalpha()) == "background"


def advice_for_one(class_names: Sequence[str]) -> str:
    """What a message about too few classes says at its end: a single one, if no background, wants a background."""
    alone = len(class_names) == 1 and not has_background(class_names)
    return "; add background as the first line" if alone else ""


def read_class_names(path: str | Path | None, count: int | None = None) -> tuple[str, ...]:
    """Read a table of class names: a text file with one name a line, in the order of ids; None gives the VOC classes.

    count: how many classes there are, where that is known. Raises UserError for a file that cannot be read, has fewer
    than two or more than 254 names, one without a letter or digit, one twice, or another number than `count`.
    """
    names = VOC_CLASSES if path is None else _read_names(path)
    if count is not None and len(names) != count:
        where = "the VOC classes" if path is None else f"class names {path}"
        raise UserError(f"{where}: {len(names)} names, expected {count}, one for each class, background included")
    return names


def _read_names(path: str | Path) -> tuple[str, ...]:
    lines = read_text(path, "class names").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    if not 2 <= len(names) <= 254:
        wanted = f"2 to 254, one a line, in the order of ids{advice_for_one(names)}"
        raise UserError(f"class names {path}: {len(names)} names, expected {wanted}")
    first: dict[str, str] = {}
    for name in names:
        if not (plain := _plain(name)):
            raise UserError(f"class names {path}: {name!r} is no name; expected letters or digits")
        if plain in first:
            raise UserError(f"class names {path}: {first[plain]!r} and {name!r} are one name; expected different ones")
        first[plain] = name
    return names
