"""Masks as images, one a photograph: numbers (grey or palette) or colours of classes."""

import logging
import re
from pathlib import Path

import numpy as np
from PIL import Image

from spml.data.files import read_colours, read_label, read_text
from spml.data.images import LABEL_FORMATS
from spml.data.labels import UNLABELLED, VOID
from spml.errors import UserError
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.mask_table import MaskTable, read_mask_table
from spml.prepare.annotations.model import ImageAnnotations, mask_of

logger = logging.getLogger(__name__)

TAGS_OR_MASKS = "_classes.csv"  # of Roboflow
TABLE_NAMES = ("labelmap.txt", "label_colors.txt", TAGS_OR_MASKS, "class_dict.csv")
ENDINGS = re.compile(r"[_-]((?i:masks?|labels?|labelids|labeltrainids|gt|segmentation|seg)|L)$")
MOST_UNKNOWN = 64
COLOURS = ("RGB", "RGBA")  # modes of images


def is_mask(document: Document, context: Context) -> bool:
    """Whether this is an image, hence a mask."""
    return document.content is None


def read_mask(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read a mask; raises UserError where it is broken, or in colours without a table that says what they mean.

    The table is the one that the user gave, or a labelmap.txt in one of the document's folders. Without one, numbers
    count the lines of classes.txt from 0; in RGB they stand in all three channels. 254 is unlabelled, 255 is void. A
    number or colour that means nothing is an unknown class. `_mask` and the like behind the photograph's name do not
    count.
    """
    path = document.path
    name = path.stem if context.photographs.find(path.stem) else ENDINGS.sub("", path.stem)
    if context.photographs.find(name) is None or (name != path.stem and path.with_stem(name).is_file()):
        return [ImageAnnotations(path.stem, str(path))]
    table, last, mode = context.mask_table or _table_beside(document, context), "", _mode(path)
    if table and table.colours and mode in (*COLOURS, "P"):
        values, names = _coloured(path, table)
    else:
        numbered = context.classes.numbered
        names = table.numbers if table else dict(enumerate(numbered))
        names = {UNLABELLED: "unlabelled", VOID: "void"} | names
        values = _numbers_in_colours(path, names) if mode in (*COLOURS, "LA") else read_label(path)
        last = "" if table else f", where {len(numbered)} lines of classes.txt count from 0"
    found = ImageAnnotations(name, str(path), (values.shape[0], values.shape[1]), counted=table is None)
    present = np.unique(values).tolist()
    if len(present) - len(names.keys() & present) > MOST_UNKNOWN:
        raise UserError(
            f"{path}: has {len(present)} numbers, of which most mean no class; is it a photograph, or blurred?"
        )
    for value in present:
        found.shapes.append(mask_of(names.get(value, f"number {value}{last}"), str(path), values == value))
    return [found]


def _numbers_in_colours(path: Path, names: dict[int, str]) -> np.ndarray:
    """The numbers of a mask whose three channels are equal; raises UserError where they are not, or mean nothing."""
    channels = read_colours(path)
    values = channels[..., 0]
    if (channels != values[..., None]).any() or not {*np.unique(values).tolist()} <= names.keys():
        raise UserError(
            f"{path}: a mask in colours (or a photograph?); --mask_table, or a file beside it called "
            f"{' or '.join(TABLE_NAMES)}, says what they mean, 'name r g b' a line"
        )
    return values


def _table_beside(document: Document, context: Context) -> MaskTable | None:
    key = document.path.parent / "table of masks"
    if key not in context.seen:
        context.seen[key] = next(filter(None, map(_table_in, document.folders())), None)
    return context.seen[key]


def _table_in(folder: Path) -> MaskTable | None:
    """The first table in a folder, which is said; warns where another one there differs."""
    places = [folder / name for name in TABLE_NAMES if (folder / name).is_file()]
    tables = {place: read_mask_table(place) for place in places if not _is_of_tags(place)}
    if not tables:
        return None
    (chosen, table), *others = tables.items()
    logger.info("what masks mean is looked up in %s", chosen)
    for place, other in others:
        if other != table:
            logger.warning("%s says differently than %s what masks mean, and does not count", place, chosen)
    return table


def _is_of_tags(path: Path) -> bool:
    """Whether a table is of an export of tags, which Roboflow calls as that of masks."""
    return path.name == TAGS_OR_MASKS and not read_text(path, "class table").lower().startswith("pixel value")


def is_map_beside(path: Path) -> bool:
    """Whether an image beside an annotation file of its name is a mask, not its picture: few numbers, no colours."""
    try:
        with Image.open(path, formats=LABEL_FORMATS) as image:
            return image.mode in ("1", "L", "P") and image.getcolors(MOST_UNKNOWN) is not None
    except Exception:  # the picture, whatever it is
        return False


def _mode(path: Path) -> str:
    try:
        with Image.open(path, formats=LABEL_FORMATS) as image:
            return image.mode
    except Exception:  # read_label says what is wrong
        return "L"


def _coloured(path: Path, table: MaskTable) -> tuple[np.ndarray, dict[int, str]]:
    """A number for each pixel of a mask in colours, and the number's class."""
    channels = read_colours(path).astype(np.int32)
    packed = (channels[..., 0] << 16) + (channels[..., 1] << 8) + channels[..., 2]
    colours, values = np.unique(packed, return_inverse=True)
    names = {place: table.colours.get(colour, f"colour #{colour:06x}") for place, colour in enumerate(colours.tolist())}
    unknown = sum(colour not in table.colours for colour in colours.tolist())
    if unknown > MOST_UNKNOWN:
        raise UserError(f"{path}: has {unknown} colours that the class table lacks; is it a photograph?")
    return values.reshape(packed.shape), names
