"""DensePose-COCO annotations of one picture -> part labels, person ids and one point a part."""

from collections.abc import Sequence

import numpy as np

from spml.data.labels import UNLABELLED, VOID
from spml.errors import UserError
from spml.prepare.coco import Annotation, Picture, decode_rle, segmentation_mask, short
from spml.prepare.strokes import dilate

NUM_PARTS = 14
PointLabel = tuple[int, int, int]  # y, x, class
Frame = tuple[np.ndarray, ...]  # rows and columns, as np.ix_ gives them
MASK_SIDE = 256

# Part of each of DensePose's 24 surface ids (0 is background): torso 1-2, hands 3-4, feet 5-6, upper legs 7-10, lower
# legs 11-14, upper arms 15-18, lower arms 19-22, head 23-24.
PART_OF_SURFACE = np.array(
    [0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 14], np.uint8
)


def is_annotated(annotation: Annotation) -> bool:
    """Whether a person has DensePose part masks."""
    masks = annotation.get("dp_masks")
    return isinstance(masks, list) and any(masks)


def part_mask(annotation: Annotation, where: str) -> np.ndarray:
    """Part ids, 256×256 uint8 in the frame of the person's box: mask i of `dp_masks` is part i + 1, 0 is none.

    Where two masks overlap the later one counts. Raises UserError for other than 14 masks and broken codes.
    """
    masks = annotation["dp_masks"]
    if len(masks) != NUM_PARTS:
        raise UserError(f"{where}: {len(masks)} dp_masks; expected {NUM_PARTS}, empty where a part is not visible")
    parts = np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
    for part, code in enumerate(masks, 1):
        if code:
            parts[decode_rle(code, (MASK_SIDE, MASK_SIDE), where)] = part
    return parts


def box_frame(annotation: Annotation, size: tuple[int, ...], where: str) -> tuple[Frame, Frame]:
    """The part of the image that a person's box covers: its rows and columns, and the mask row and column of each.

    `bbox` is x, y, width, height in pixels, its fractions cut off; the mask is stretched over it by nearest. Raises
    UserError for a box that is not four finite numbers with width and height above 0.
    """
    x, y, width, height = _checked_box(annotation, where)
    (rows, mask_rows), (columns, mask_columns) = _stretch(y, height, size[0]), _stretch(x, width, size[1])
    return np.ix_(rows, columns), np.ix_(mask_rows, mask_columns)


def _checked_box(annotation: Annotation, where: str) -> list[float]:
    try:
        box = np.array([float(value) for value in annotation["bbox"]])
    except (KeyError, TypeError, ValueError, OverflowError):
        box = np.empty(0)
    if box.shape != (4,) or not (np.abs(box) < 1e6).all() or min(box[2:]) <= 0:
        raise UserError(
            f"{where}: bbox {short(annotation.get('bbox'))}; expected [x, y, width, height], the last two above 0"
        )
    return box.tolist()


def _stretch(start: float, length: float, image_length: int) -> tuple[np.ndarray, np.ndarray]:
    first, pixels = int(start), max(int(length), 1)
    inside = np.arange(max(first, 0), min(first + pixels, image_length))
    return inside, (inside - first) * MASK_SIDE // pixels


def label_picture(picture: Picture, void_unannotated: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Part labels and person ids, both H×W uint8, of a picture.

    Labels: 0 background, 1..14 parts, 255 void: people without part masks, whose parts nobody knows (their COCO
    `segmentation`, or their box where they have none), unless `void_unannotated` is false and they stay background.
    What no part mask of an annotated person covers is background. Person ids: 1.. in the order of the annotated people
    in the file, on their parts; 0 elsewhere. Where people overlap, the one with the smaller box lies in front. Raises
    UserError naming the picture and the annotation.
    """
    parts, persons = (np.zeros(picture.size, np.uint8) for _ in range(2))
    people = [person for person in picture.annotations if person.get("category_id", 1) == 1]
    if void_unannotated:
        for person in people:
            if not is_annotated(person):
                _mark_void(parts, person, _where(picture, person))
    for number, person in sorted(annotated_people(picture), key=lambda item: -_box_area(picture, item[1])):
        frame, source = box_frame(person, picture.size, _where(picture, person))
        placed = part_mask(person, _where(picture, person))[source]
        parts[frame] = np.where(placed > 0, placed, parts[frame])
        persons[frame] = np.where(placed > 0, number, persons[frame])
    return parts, persons


def annotated_people(picture: Picture) -> list[tuple[int, Annotation]]:
    """(person id, annotation) of the people of a picture that have part masks, ids from 1 in the order of the file.

    Raises UserError for more than 254 people: their ids would not fit into an 8-bit image.
    """
    people = [person for person in picture.annotations if person.get("category_id", 1) == 1 and is_annotated(person)]
    if len(people) > VOID - 1:
        raise UserError(f"{picture.id}: {len(people)} annotated people; at most {VOID - 1} fit into an 8-bit image")
    return list(enumerate(people, 1))


def _where(picture: Picture, person: Annotation) -> str:
    return f"{picture.id}, annotation {short(person.get('id'))}"


def _box_area(picture: Picture, person: Annotation) -> float:
    _, _, width, height = _checked_box(person, _where(picture, person))
    return width * height


def _mark_void(parts: np.ndarray, person: Annotation, where: str) -> None:
    if person.get("segmentation"):
        parts[segmentation_mask(person["segmentation"], (parts.shape[0], parts.shape[1]), where)] = VOID
    else:
        parts[box_frame(person, parts.shape, where)[0]] = VOID


def only_at_surface_points(picture: Picture, parts: np.ndarray, persons: np.ndarray) -> np.ndarray:
    """Part labels as of `label_picture`, made void but on the background and on the annotators' surface points.

    A surface point (`dp_x`, `dp_y`: 0..255 in the box; `dp_I`: surface id) counts where its part is the one of the
    person's mask there. Raises UserError for points that are not lists of numbers of one length.
    """
    kept = parts == 0
    for number, person in annotated_people(picture):
        y, x, part = _surface_points(person, parts.shape, _where(picture, person))
        agree = (persons[y, x] == number) & (parts[y, x] == part)
        kept[y[agree], x[agree]] = True
    return np.where(kept, parts, VOID).astype(np.uint8)


def _surface_points(person: Annotation, size: tuple[int, ...], where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        points = np.array([person.get(key, []) for key in ("dp_y", "dp_x", "dp_I")], float)
    except (TypeError, ValueError, OverflowError):
        points = np.full((3, 1), np.nan)
    if points.ndim != 2 or not (np.abs(points) < 256).all() or not ((points[2] >= 0) & (points[2] < 25)).all():
        raise UserError(f"{where}: dp_x, dp_y (0 to 255) and dp_I (0 to 24) must be lists of numbers of one length")
    left, top, width, height = _checked_box(person, where)
    y = (int(top) + points[0] / 255 * height).astype(int)
    x = (int(left) + points[1] / 255 * width).astype(int)
    inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
    return y[inside], x[inside], PART_OF_SURFACE[points[2].astype(int)][inside]


def sample_points(
    parts: np.ndarray, persons: np.ndarray, seed: int | Sequence[int], num_background: int
) -> list[PointLabel]:
    """One random pixel of each visible part of each person, and `num_background` of the background: (y, x, class) rows.

    parts, persons: as of `label_picture`; seed: an integer or several, the same seed gives the same points.
    """
    rng = np.random.default_rng(seed)
    regions = np.where(parts <= NUM_PARTS, persons.astype(int) * (NUM_PARTS + 1) + parts, -1).ravel()
    points: list[PointLabel] = []
    for region in np.unique(regions[regions >= 0]):
        pixels = np.flatnonzero(regions == region)
        wanted = min(num_background, pixels.size) if region == 0 else 1
        for pixel in rng.choice(pixels, wanted, replace=False):
            y, x = divmod(int(pixel), parts.shape[1])
            points.append((y, x, int(region % (NUM_PARTS + 1))))
    return points


def draw_points(points: Sequence[PointLabel], size: tuple[int, ...], width: int) -> np.ndarray:
    """Label map, H×W uint8, of (y, x, class) points as dots `width` pixels across, the rest unlabelled.

    Dots are drawn in their order; the pixel of each point itself keeps its class where dots overlap.
    """
    label = np.full(size, UNLABELLED, np.uint8)
    for y, x, part in points:
        dot = np.zeros(size, bool)
        dot[y, x] = True
        label[dilate(dot, width)] = part
    for y, x, part in points:
        label[y, x] = part
    return label
