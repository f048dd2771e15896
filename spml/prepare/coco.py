"""COCO annotation files: pictures, their annotations, and masks as run-length codes or polygons."""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from spml.data.images import MAX_SIDE
from spml.errors import UserError

# COCO's numbers have six digits; a generator of points takes at most this.
MAX_NUMBER = 10**12
Annotation = dict[str, Any]  # of one person, as the file has it: whatever a field holds is checked where it is read


class Picture(NamedTuple):
    """An image and its annotations; id: its file name without ending; number: COCO's; size: (height, width)."""

    id: str
    number: int
    size: tuple[int, int]
    annotations: list[Annotation]


def read_pictures(path: str | Path) -> list[Picture]:
    """Read all pictures of a COCO annotation file, by id.

    Raises UserError for a file that is missing or broken, an image not named as COCO 2014 names them, an impossible
    size, two images of one number, or an annotation of no image.
    """
    content = _read_json(path)
    pictures: dict[int, Picture] = {}
    for image in content["images"]:
        picture = _picture(image, path)
        if picture.number in pictures:
            raise UserError(f"{path}: image {picture.number} occurs twice")
        pictures[picture.number] = picture
    for annotation in content["annotations"]:
        number = annotation.get("image_id") if isinstance(annotation, dict) else None
        if type(number) is not int or number not in pictures:
            raise UserError(f"{path}: annotation {_name_of(annotation)} belongs to no image of the file")
        pictures[number].annotations.append(annotation)
    return sorted(pictures.values(), key=lambda picture: picture.id)


def _read_json(path: str | Path) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not readable JSON ({error})") from None
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise UserError(f"{path}: no COCO annotations; expected an object with lists 'images' and 'annotations'")
    return content


def _picture(image: Any, path: str | Path) -> Picture:
    if not isinstance(image, dict):
        raise UserError(f"{path}: an entry of 'images' is no object")
    name, number, height, width = str(image.get("file_name")), image.get("id"), image.get("height"), image.get("width")
    if not re.fullmatch(r"COCO_(train|val)2014_\d{12}\.jpg", name, re.ASCII):
        raise UserError(f"{path}: file_name {name[:60]!r}; expected one like COCO_train2014_000000000009.jpg")
    if _is_count(number, 0, MAX_NUMBER) and _is_count(height, 1, MAX_SIDE) and _is_count(width, 1, MAX_SIDE):
        return Picture(name.removesuffix(".jpg"), number, (height, width), [])
    what = ", ".join(f"{key} {short(image.get(key))}" for key in ("id", "height", "width"))
    raise UserError(f"{path}: image {name} has {what}; expected whole numbers, sides of at most {MAX_SIDE}")


def _is_count(value: Any, low: int, high: int) -> TypeGuard[int]:
    return type(value) is int and low <= value <= high


def short(value: Any) -> str:
    """A value of a file as a message shows it, whatever it is: at most 60 characters."""
    try:
        return repr(value)[:60]
    except ValueError:  # a whole number of thousands of digits
        return "a huge number"


def _name_of(annotation: Any) -> str:
    return short(annotation.get("id") if isinstance(annotation, dict) else annotation)


def pycocotools_mask() -> ModuleType:
    """The module pycocotools.mask; raises UserError where it is not installed."""
    try:
        from pycocotools import mask
    except ImportError:
        raise UserError(
            "pycocotools is not installed; COCO's run-length codes need it: pip install pycocotools"
        ) from None
    return mask


def decode_rle(code: Any, size: tuple[int, int], where: str) -> np.ndarray:
    """Decode a compressed or plain run-length code to a bool mask of `size` (height, width).

    Raises UserError, beginning with `where`, for a code of another size, or whose runs do not fill it exactly.
    """
    tools = pycocotools_mask()
    stated = code.get("size") if isinstance(code, dict) else None
    if not isinstance(stated, list) or any(type(side) is not int for side in stated) or stated != list(size):
        raise UserError(f"{where}: expected a run-length code of size {list(size)}")
    counts = code.get("counts")
    runs = counts if isinstance(counts, list) else _runs(counts)
    # Of a code that is too short, pycocotools leaves the rest of the mask uninitialised.
    if not all(type(run) is int and run >= 0 for run in runs) or sum(runs) != size[0] * size[1]:
        raise UserError(f"{where}: broken run-length code, its runs do not add up to {size[0]}×{size[1]} pixels")
    if isinstance(counts, list):
        return tools.decode(tools.frPyObjects({"size": list(size), "counts": counts}, *size)).astype(bool)
    return tools.decode({"size": list(size), "counts": counts}).astype(bool)


def _runs(counts: Any) -> list[int]:
    """Lengths of the runs of a compressed code, none where it is broken.

    Five bits a character, lowest first; each run from the fourth on is stored less the one two before.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts if isinstance(counts, str) else "":
        digit = ord(character) - 48
        if not 0 <= digit < 64 or shift > 30:
            return []
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value, shift = 0, 0
    return [] if shift else runs


def segmentation_mask(segmentation: Any, size: tuple[int, int], where: str) -> np.ndarray:
    """Bool mask, H×W, of a COCO `segmentation`: polygons [[x, y, x, y, ...], ...] or a run-length code.

    Polygons of fewer than three corners cover nothing. Raises UserError, beginning with `where`, for anything else.
    """
    if isinstance(segmentation, dict):
        return decode_rle(segmentation, size, where)
    try:
        polygons = [np.array(polygon, float) for polygon in segmentation]
    except (TypeError, ValueError, OverflowError):
        polygons = []
    if not polygons or not all(p.ndim == 1 and p.size % 2 == 0 and np.isfinite(p).all() for p in polygons):
        raise UserError(f"{where}: segmentation is neither polygons [[x, y, x, y, ...], ...] nor a run-length code")
    tools = pycocotools_mask()
    # Far corners would make pycocotools trace lines of that length.
    inside = [p.reshape(-1, 2).clip(0, [size[1], size[0]]).ravel().tolist() for p in polygons if p.size >= 6]
    if not inside:
        return np.zeros(size, bool)
    return tools.decode(tools.merge(tools.frPyObjects(inside, *size))).astype(bool)
