"""VOC annotation XML: image size and object boxes."""

import math
from typing import NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from spml.data.class_names import class_id
from spml.errors import UserError

# No image of the data sets comes near it; a larger size would only exhaust the memory.
MAX_SIDE = 10_000


class Box(NamedTuple):
    """An object's box, label[top:bottom, left:right]: pixels from 0 on, right and bottom border left out."""

    class_id: int
    left: int
    top: int
    right: int
    bottom: int


def parse_xml(path):
    """Parse an XML file without document type (hence without entities) into its root element.

    Raises UserError where it is missing, broken, or declares a document type.
    """

    def refuse(*_):
        raise UserError(f"{path}: declares a document type, which no annotation needs; refused")

    try:
        with open(path, "rb") as file:
            content = file.read()
        guard = expat.ParserCreate()
        guard.StartDoctypeDeclHandler = refuse
        guard.Parse(content, True)
        return ElementTree.fromstring(content)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: not readable XML ({error})") from None


def number_of(element, tag, path):
    """The finite number in the child `tag` of an element; raises UserError where there is none."""
    text = element.findtext(tag)
    try:
        number = float(text)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{path}: <{element.tag}> must hold a number in <{tag}>, not {text!r}")
    return number


def image_size(root, path):
    """(height, width) as the XML states them, or None where it does not."""
    size = root.find("size")
    if size is None:
        return None
    height, width = (int(number_of(size, side, path)) for side in ("height", "width"))
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise UserError(f"{path}: impossible image size {width}×{height}")
    return height, width


def read_boxes(path, class_names):
    """Read a VOC annotation: (height, width), and the boxes of all its objects, difficult ones included.

    VOC counts pixels from 1 and includes the last one. Raises UserError for broken XML, one without image size, unknown
    classes, and boxes that are empty or outside the image.
    """
    root = parse_xml(path)
    size = image_size(root, path)
    if size is None:
        raise UserError(f"{path}: states no image size; expected <size> with <width> and <height>")
    return size, [_box(item, size, class_names, path) for item in root.findall("object")]


def _box(item, size, class_names, path):
    label = class_id(item.findtext("name") or "", class_names, path)
    corners = item.find("bndbox")
    if corners is None:
        raise UserError(f"{path}: an <object> has no <bndbox>")
    left, top, right, bottom = (round(number_of(corners, side, path)) for side in ("xmin", "ymin", "xmax", "ymax"))
    height, width = size
    box = Box(label, max(left - 1, 0), max(top - 1, 0), min(right, width), min(bottom, height))
    if box.left >= box.right or box.top >= box.bottom:
        raise UserError(
            f"{path}: box ({left}, {top}, {right}, {bottom}) is empty or outside the image; "
            "expected xmin, ymin, xmax, ymax"
        )
    return box
