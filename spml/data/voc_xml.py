"""VOC annotation XML: image size and object boxes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from spml.data.boxes import Box
from spml.data.class_names import class_id
from spml.data.images import MAX_SIDE
from spml.errors import UserError


def parse_xml(path: str | Path) -> Element:
    """Parse an XML file without document type (hence without entities) into its root element.

    Raises UserError where it is missing, broken, or declares a document type.
    """
    try:
        return fromstring(Path(path).read_bytes(), forbid_dtd=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except DefusedXmlException:
        raise UserError(f"{path}: declares a document type, which no annotation needs; refused") from None
    except (OSError, ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: not readable XML ({error})") from None


def number_of(element: Element, tag: str, path: str | Path) -> float:
    """The finite number in the child `tag` of an element; raises UserError where there is none."""
    text = element.findtext(tag)
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{path}: <{element.tag}> must hold a number in <{tag}>, not {text!r}")
    return number


def stated_size(root: Element, path: str | Path) -> tuple[int, int] | None:
    """(height, width) as the XML states them, or None where it does not."""
    size = root.find("size")
    if size is None:
        return None
    height, width = (int(number_of(size, side, path)) for side in ("height", "width"))
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise UserError(f"{path}: impossible image size {width}×{height}")
    return height, width


def read_boxes(path: str | Path, class_names: Sequence[str]) -> tuple[tuple[int, int], list[Box]]:
    """Read a VOC annotation: (height, width), and the boxes of all its objects, difficult ones included.

    VOC counts pixels from 1 and includes the last one. Raises UserError for broken XML, one without image size, unknown
    classes, and boxes that are empty or outside the image.
    """
    root = parse_xml(path)
    size = stated_size(root, path)
    if size is None:
        raise UserError(f"{path}: states no image size; expected <size> with <width> and <height>")
    return size, [_box(item, size, class_names, path) for item in root.findall("object")]


@dataclass(frozen=True)
class BoxFiles:
    """Boxes of images: their folder of VOC XML files, of all images or some, and the names of all classes."""

    folder: Path
    class_names: tuple[str, ...]

    def read(self, name: str, size: tuple[int, ...]) -> tuple[Box, ...]:
        """The boxes of an image of this size (height, width), none where it has no file; UserError for another."""
        path = self.folder / f"{name}.xml"
        if not path.is_file():
            return ()
        stated, boxes = read_boxes(path, self.class_names)
        if stated != size:
            raise UserError(f"{path}: states (height, width) {stated}, its image has {tuple(size)}")
        return tuple(boxes)


def _box(item: Element, size: tuple[int, int], class_names: Sequence[str], path: str | Path) -> Box:
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
