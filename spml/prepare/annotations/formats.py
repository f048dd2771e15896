"""The formats that are read, and which of them a file has. A new format is a module beside this one and a line here."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from spml.data.files import files_below
from spml.errors import UserError, first_of
from spml.prepare.annotations import (
    coco_json,
    cvat,
    datumaro,
    geojson,
    label_studio,
    labelme,
    mask_images,
    text_tags,
    voc_boxes,
    yolo,
)
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import TEXT_KINDS, Document, open_document
from spml.prepare.annotations.model import ImageAnnotations


class Format(NamedTuple):
    """A format: its name, whether an opened file has it, and its reader."""

    name: str
    recognises: Callable[[Document, Context], bool]
    read: Callable[[Document, Context], list[ImageAnnotations]]


FORMATS = (
    Format("LabelMe JSON", labelme.is_labelme, labelme.read_labelme),
    Format("CVAT for images XML", cvat.is_cvat, cvat.read_cvat),
    Format("Label Studio JSON", label_studio.is_label_studio, label_studio.read_label_studio),
    Format("COCO JSON", coco_json.is_coco, coco_json.read_coco),
    Format("Datumaro JSON", datumaro.is_datumaro, datumaro.read_datumaro),
    Format("PASCAL VOC XML", voc_boxes.is_voc, voc_boxes.read_voc),
    Format("GeoJSON", geojson.is_geojson, geojson.read_geojson),
    Format("masks", mask_images.is_mask, mask_images.read_mask),
    Format("YOLO text", yolo.is_yolo, yolo.read_yolo),
    Format("tags as text", text_tags.is_tag_text, text_tags.read_tag_text),
)

FORMAT_NAMES = ", ".join(entry.name for entry in FORMATS)

# Files beside annotations that hold none: Label Studio's notes, tables of masks, VOC's masks of instances and lists.
NO_ANNOTATIONS = ("notes.json", *(name for name in mask_images.TABLE_NAMES if name != mask_images.TAGS_OR_MASKS))
NO_ANNOTATION_FOLDERS = ("SegmentationObject", "ImageSets")
PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


class Reading(NamedTuple):
    """What was read: annotations in their order, the number of files of each format, files left alone."""

    annotations: list[ImageAnnotations]
    files: dict[str, int]
    left_alone: list[Path]


def read_annotations(paths: Iterable[str | Path], context: Context) -> Reading:
    """Read files, and all files in folders, each by the format that it has.

    In folders, text that is no annotation, photographs and files of other kinds are left alone. Raises UserError for
    a path that is not there, a broken file, one of no known format, and where there is nothing else.
    """
    reading = Reading([], {}, [])
    for path in map(Path, paths):
        if not path.exists():
            raise UserError(f"--annotations {path}: no such file or folder")
        for file in files_below(path) if path.is_dir() else [path]:
            _read_file(file, path, context, reading)
    if not reading.files:
        alone = [file.name for file in reading.left_alone]
        holds = f"no annotations, but {first_of(alone)}" if alone else "no file that could be annotations"
        holds += " (masks are no JPEG, which changes their numbers)" if any(map(is_jpeg, reading.left_alone)) else ""
        where = " ".join(str(path) for path in paths)
        raise UserError(f"--annotations {where}: holds {holds}; expected {FORMAT_NAMES}")
    return reading


def is_jpeg(path: Path) -> bool:
    """Whether a file is called as JPEG pictures are, which hold no masks."""
    return path.suffix.lower() in (".jpg", ".jpeg")


def _read_file(path: Path, given: Path, context: Context, reading: Reading) -> None:
    named = path == given
    if named and path.suffix.lower() in PACKED:
        raise UserError(f"{path}: is packed; unpack it, and name the folder")
    document = None if not named and _is_beside(path, given, context) else open_document(path, given)
    chosen = None
    if document is not None:
        chosen = next((entry for entry in FORMATS if entry.recognises(document, context)), None)
    if document is not None and chosen is not None:
        found = chosen.read(document, context)
        for each in found:
            each.file = path.relative_to(given) if not named else Path(path.name)
        reading.annotations.extend(found)
        reading.files[chosen.name] = reading.files.get(chosen.name, 0) + 1
    elif not named and (document is None or path.suffix.lower() in TEXT_KINDS):
        known = path.name in (*NO_ANNOTATIONS, *mask_images.TABLE_NAMES) or context.photographs.is_copy(path)
        reading.left_alone.extend([] if known else [path])
    else:
        raise UserError(
            f"{path}: is none of {FORMAT_NAMES} "
            f"(tags begin with the name of a photograph in {context.photographs.folder})"
        )


def _is_beside(path: Path, given: Path, context: Context) -> bool:
    """Whether a file of a folder is no annotation: a photograph, what an annotation file is about, or a note."""
    if path.name in NO_ANNOTATIONS or {*path.relative_to(given).parts[:-1]} & {*NO_ANNOTATION_FOLDERS}:
        return True
    about = any(path.with_suffix(ending).is_file() for ending in (".json", ".geojson", ".xml"))
    is_image = path.suffix.lower() not in (".json", ".geojson", ".xml", *TEXT_KINDS)
    return context.photographs.is_copy(path) or (is_image and about and not mask_images.is_map_beside(path))
