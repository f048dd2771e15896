"""PASCAL VOC XML: the boxes of one image."""

from xml.etree.ElementTree import Element, SubElement, tostring

from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Rectangle, around_turned
from spml.prepare.annotations.values import Xml, checked_box, number_in

SIDES = ("xmin", "ymin", "xmax", "ymax")


def is_voc(document: Document, context: Context) -> bool:
    """Whether this is VOC's XML, by its outermost element."""
    return document.tag == "annotation"


def read_voc(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the boxes of one image; raises UserError, with its place, for anything that is not as VOC has it.

    VOC counts pixels from 1 and includes the last. Files whose corners all have a decimal point, as CVAT and Datumaro
    write, mean pixel edges from 0 on.
    """
    content = document.xml
    objects = [child for child in content.children() if child.element.tag == "object"]
    corners = [[_side(item, side) for side in SIDES] for item in objects]
    first = 0 if all("." in side.content() for box in corners for side in box) else 1
    found = ImageAnnotations(_name(content, document), content.where, _size(content), other_names=(document.path.stem,))
    for item, box in zip(objects, corners, strict=True):
        left, top, right, bottom = (number_in(side.content(), side.where) for side in box)
        name = item.child("name").content()
        sides = checked_box(left - first, top - first, right, bottom, item.where)
        found.shapes.append(Rectangle(name, item.where, *around_turned(*sides, _turn(item))))
    return [found]


def _turn(item: Xml) -> float:
    """By how many degrees a box is turned, as CVAT says in its attributes."""
    pairs = ((entry.findtext("name"), entry.findtext("value")) for entry in item.element.iter("attribute"))
    return next((number_in(value or "", item.where) for name, value in pairs if name == "rotation"), 0.0)


def _side(item: Xml, side: str) -> Xml:
    return item.child("bndbox").child(side)


def _name(content: Xml, document: Document) -> str:
    return content.element.findtext("filename") or document.path.stem


def _size(content: Xml) -> tuple[int, int] | None:
    """(height, width), None where it is not there, or a side is 0, as tools write that do not know it."""
    texts = [(content.element.findtext(f"size/{side}") or "").strip() for side in ("height", "width")]
    if texts == ["", ""] or "0" in texts:
        return None
    height, width = (content.child("size").child(side) for side in ("height", "width"))
    return height.side(height.content()), width.side(width.content())


def box_xml(filename: str, size: tuple[int, int], boxes: list[tuple[Rectangle, str]]) -> str:
    """VOC XML of an image of `size` (height, width): boxes with their classes, rounded to pixels, cut to the image."""
    height, width = size
    root = Element("annotation")
    SubElement(root, "filename").text = filename
    stated = SubElement(root, "size")
    for side, value in (("width", width), ("height", height), ("depth", 3)):
        SubElement(stated, side).text = str(value)
    for box, name in boxes:
        item = SubElement(root, "object")
        SubElement(item, "name").text = name
        corners = SubElement(item, "bndbox")
        left, top = (min(max(round(low), 0), end - 1) for low, end in ((box.left, width), (box.top, height)))
        right, bottom = max(min(round(box.right), width), left + 1), max(min(round(box.bottom), height), top + 1)
        for side, value in zip(SIDES, (left + 1, top + 1, right, bottom), strict=True):
            SubElement(corners, side).text = str(value)
    return tostring(root, encoding="unicode") + "\n"
