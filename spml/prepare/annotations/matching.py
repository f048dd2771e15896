"""Annotations of files -> shapes of photographs, with class ids, in the photograph's pixels; what was left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from spml.data.files import image_size
from spml.data.labels import VOID
from spml.errors import UserError
from spml.prepare.annotations.class_table import ClassTable
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.model import ImageAnnotations, Mask, Rectangle, Shape, cut, extent, rounded, scaled
from spml.prepare.annotations.photographs import Photographs, copy_of

SIZE_TOLERANCE = 0.02  # of a side: annotations made on a smaller copy of the photograph


class Remark(Enum):
    """Kinds of remarks about a data set."""

    ONE_NAME = "files of one name in several folders, all taken for one photograph"
    TWO_NAMES = "files that are called as one photograph and speak of another, which is taken"
    NO_ANNOTATION = "photographs without annotations"
    EMPTY = "photographs whose annotations hold nothing, not in train.txt"
    NO_PHOTOGRAPH = "annotations without a photograph, left out"
    UNKNOWN_CLASS = "unknown classes, left out"
    OUTSIDE = "shapes outside the image, left out"
    CUT = "shapes partly outside the image, cut"
    SCALED = "annotations for another size of the same form, scaled"
    OTHER_SIZE = "annotations for another size, left out"
    NO_PIXEL = "shapes that label no pixel, left out"
    NOT_READ = "left out by the reader"
    RELABELLED = "pixels with two labels, the later one taken"


@dataclass(frozen=True)
class Note:
    """A remark: about what, where it was found, and of how many shapes, files or pixels it is."""

    remark: Remark
    text: str
    where: str = ""
    count: int = 1


@dataclass
class Photograph:
    """A photograph's annotations: (shape, value) pairs in the order in which they are drawn, in its own pixels.

    size: (height, width); annotated: whether any file speaks of it, if only to say that it is empty.
    """

    id: str
    size: tuple[int, int]
    shapes: list[tuple[Shape, int]] = field(default_factory=list)
    annotated: bool = False

    def boxes(self, classes: ClassTable) -> list[tuple[Rectangle, int]]:
        """Its boxes of objects."""
        return [(s, value) for s, value in self.shapes if isinstance(s, Rectangle) and classes.foreground(value)]

    def tags(self, classes: ClassTable) -> list[int]:
        """The classes, ascending, that its tags and shapes name."""
        return sorted({value for _, value in self.shapes if classes.foreground(value)})


def match(annotations: list[ImageAnnotations], context: Context) -> tuple[list[Photograph], list[Note]]:
    """All photographs of the folder with what the files say of them, and the notes of what could not be taken.

    Raises UserError where a photograph is broken, nothing could be taken at all, or masks hold no class but the first.
    """
    photographs = {name: Photograph(name, image_size(path)) for name, path in context.photographs.paths.items()}
    notes: list[Note] = []
    taken: dict[str, list[ImageAnnotations]] = {}
    for found in annotations:
        name = context.photographs.find(found.name, *found.other_names)
        if name is None:
            notes.append(Note(Remark.NO_PHOTOGRAPH, repr(found.name[:200]), found.where))
        else:
            taken.setdefault(name, []).append(found)
            _refuse_copies(name, found, taken[name][0])
            notes += _conflicts(name, found, taken[name][0], context.photographs)
            photographs[name].annotated = True
            photographs[name].shapes += _fit(found, photographs[name].size, context.classes, notes)
    if not any(photograph.shapes for photograph in photographs.values()):
        first = f"; first: {notes[0].remark.value}, {notes[0].text} ({notes[0].where})" if notes else ""
        raise UserError(f"--annotations: nothing in them is of a class and a photograph that were given{first}")
    if context.classes.background and all(found.counted for few in taken.values() for found in few):
        _need_a_class(photographs.values())
    empty = [Note(Remark.EMPTY, name) for name, few in taken.items() if not any(found.shapes for found in few)]
    unseen = [Note(Remark.NO_ANNOTATION, name) for name, each in photographs.items() if not each.annotated]
    return list(photographs.values()), notes + unseen + empty


def _refuse_copies(name: str, found: ImageAnnotations, first: ImageAnnotations) -> None:
    """Raise UserError for augmented copies, whose shapes do not lie where they do in the photograph."""
    copies = [copy_of(each.name) for each in (first, found)]
    if None not in copies and copies[0] != copies[1]:
        raise UserError(
            f"{found.where}: {found.name[:200]!r} and {first.name[:200]!r} are copies of photograph {name}, turned or "
            "cut perhaps; expected an export without augmentation"
        )


def _conflicts(name: str, found: ImageAnnotations, first: ImageAnnotations, photographs: Photographs) -> list[Note]:
    """Notes of what else than its photograph, or than the first that was said of it, an annotation names."""
    others = [other for other in map(photographs.find, found.other_names) if other not in (None, name)]
    notes = [Note(Remark.TWO_NAMES, f"{other}, of {name}", found.where) for other in others]
    folders = _folders(first, found)
    if folders:
        notes.append(Note(Remark.ONE_NAME, f"{name} of {folders[0]} and {folders[1]}", found.where))
    return notes


def _folders(first: ImageAnnotations, found: ImageAnnotations) -> tuple[str, str] | None:
    """The folders in which two annotations place their photograph, or else their own, where these differ."""
    stated = [each.name.replace("\\", "/").rpartition("/")[0].lstrip("./") for each in (first, found)]
    own = [each.file.parent.as_posix() for each in (first, found) if each.file.name]
    if not all(stated) and len(own) == 2 and first.file.name == found.file.name:
        stated = own
    return (stated[0], stated[1]) if all(stated) and stated[0] != stated[1] else None


def _need_a_class(photographs: Iterable[Photograph]) -> None:
    """Raise UserError for masks of 0 and 255 alone, whose 255 is void: people mean one class and the rest by them."""
    shapes = [pair for each in photographs for pair in each.shapes]
    if {value for _, value in shapes} == {0, VOID} and all(isinstance(shape, Mask) for shape, _ in shapes):
        raise UserError(
            f"--annotations: the masks hold 0 and {VOID} alone, and {VOID} is void, no class; where it is one, a "
            f"labelmap.txt beside the masks or --mask_table says so, '0 NAME' and '{VOID} NAME' in lines of their own"
        )


def _fit(
    found: ImageAnnotations, size: tuple[int, int], classes: ClassTable, notes: list[Note]
) -> list[tuple[Shape, int]]:
    notes += [Note(Remark.NOT_READ, reason[:200], where) for reason, where in found.left_out]
    factors = _factors(found, size, notes)
    if factors is None:
        return []
    fitting = []
    for shape in found.shapes:
        value = classes.value(shape.name)
        if value is None:
            near = classes.nearest(shape.name)
            hint = f", did you mean {near!r}?" if near else ""
            notes.append(Note(Remark.UNKNOWN_CLASS, f"{shape.name[:80]!r}{hint}", shape.where))
            continue
        if factors != (1, 1):
            # A mask far beyond the stated image would grow without bound.
            shape = scaled(cut(shape, found.size) if found.size else shape, *factors)
        shape = rounded(shape)
        remark = _place_of(shape, size)
        if remark:
            notes.append(Note(remark, repr(shape.name[:80]), shape.where))
        if remark is not Remark.OUTSIDE:
            fitting.append((shape, value))
    return fitting


def _factors(found: ImageAnnotations, size: tuple[int, int], notes: list[Note]) -> tuple[float, float] | None:
    """By what x and y are to be multiplied, None where the annotations belong to an image of another form."""
    height, width = size
    if found.relative:
        return float(width), float(height)
    if found.size in (None, size):
        return 1, 1
    assert found.size is not None
    x, y = width / found.size[1], height / found.size[0]
    same = abs(x / y - 1) <= SIZE_TOLERANCE
    text = f"{found.size[1]}×{found.size[0]} stated, the photograph has {width}×{height}"
    if found.size == (width, height):
        text += " when upright"
    notes.append(Note(Remark.SCALED if same else Remark.OTHER_SIZE, text, found.where))
    return (x, y) if same else None


def _place_of(shape: Shape, size: tuple[int, int]) -> Remark | None:
    place = extent(shape)
    if place is None:
        return None
    (left, top, right, bottom), (height, width) = place, size
    if right < 0 or bottom < 0 or left > width or top > height:
        return Remark.OUTSIDE
    if isinstance(shape, Rectangle) and (right <= 0 or bottom <= 0 or left >= width or top >= height):
        return Remark.OUTSIDE
    inside = left >= -1 and top >= -1 and right <= width + 1 and bottom <= height + 1
    return None if inside else Remark.CUT
