"""Names of the classes; a class's id is its place in the table, background first."""

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


def _plain(name):
    return "".join(letter for letter in name.lower() if letter.isalnum())


def class_id(name, class_names, where):
    """The id of a class by its name, whatever its case, spaces and dashes; common synonyms of VOC names count too.

    Raises UserError, beginning with `where` the name was found, for a name that is not in `class_names`.
    """
    ids = {_plain(known): number for number, known in enumerate(class_names)}
    name_plain = _plain(name)
    found = ids.get(name_plain, ids.get(_SYNONYMS.get(name_plain)))
    if found is None:
        raise UserError(f"{where}: unknown class {name!r}; expected one of {', '.join(class_names)}")
    return found


def read_class_names(path, count=None):
    """Read a table of class names: a text file with one name a line, background first; None gives the VOC classes.

    Raises UserError for a file that cannot be read, has fewer than two or more than 254 names, one name twice, or
    other than `count` names where that is given.
    """
    if path is None:
        return VOC_CLASSES
    try:
        with open(path, encoding="utf-8") as file:
            names = tuple(line.strip() for line in file if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"class names {path}: cannot be read ({error})") from None
    if not 2 <= len(names) <= 254 or len({_plain(name) for name in names}) < len(names):
        raise UserError(
            f"class names {path}: expected 2 to 254 different names, one a line, background first, got {len(names)}"
        )
    if count is not None and len(names) != count:
        raise UserError(f"class names {path}: holds {len(names)} names; expected {count}, one for each class")
    return names
