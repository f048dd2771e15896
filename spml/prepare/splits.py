"""Which images belong to which split, and the files that their data-list lines name."""

import re
from pathlib import Path

from spml.errors import UserError

# Published numbers of images.
VOC_COUNTS = {"train": 10_582, "val": 1_449, "test": 1_456}

VOC_LABEL_DIRS = {
    "full": "segcls",
    "tag": "cam/seam_a6_th0.2",
    "box": "cam/seambox_a6_th0.5",
    "scribble": "scribble/dilate_3",
    "scribble_0.8": "scribble/dilate_3_0.8",
    "scribble_0.5": "scribble/dilate_3_0.5",
    "scribble_0.3": "scribble/dilate_3_0.3",
    "point": "scribble/dilate_6_0.0",
}

DENSEPOSE_LABEL_DIRS = {"full": "segcls/densepose/gray", "point": "segcls/densepose_points/gray"}
DENSEPOSE_OVERSEGMENTATION_DIR = "seginst/pmi_0.1_256"


def read_ids(path):
    """Read a split file, one image id a line, in its order.

    Raises UserError where it is missing, empty, names an image twice, or a line is no bare id.
    """
    try:
        ids = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"split file {path}: cannot be read ({error})") from None
    if not ids:
        raise UserError(f"split file {path}: is empty; expected one image id a line")
    for name in ids:
        if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
            raise UserError(f"split file {path}: {name!r} is no image id; expected one like 2007_000032 a line")
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise UserError(f"split file {path}: {twice} occurs twice")
    return ids


def train_aug_ids(voc_train, voc_val, sbd_train, sbd_val):
    """(SBD train ∪ SBD val ∪ VOC train) − VOC val: VOC train in its order, then the others sorted."""
    held_out = set(voc_val)
    first = [name for name in voc_train if name not in held_out]
    return first + sorted({*sbd_train, *sbd_val} - held_out - set(first))


def voc_train_rows(ids, label_dir):
    """Lines `image label over-segmentation` of VOC training images, labels from a folder of VOC2012."""
    return [
        (f"VOC2012/JPEGImages/{name}.jpg", f"VOC2012/{label_dir}/{name}.png", f"VOC2012/hed/{name}.png") for name in ids
    ]


def voc_val_rows(ids):
    """Lines `image truth truth` of VOC validation images."""
    return [(f"VOC2012/JPEGImages/{name}.jpg", *[f"VOC2012/segcls/{name}.png"] * 2) for name in ids]


def voc_test_rows(ids, folder="VOC2012-test"):
    """Lines with only an image, of VOC test images in a folder of the data root."""
    return [(f"{folder}/JPEGImages/{name}.jpg",) for name in ids]


def densepose_train_rows(ids, label_dir):
    """Lines `image label over-segmentation` of COCO images named like COCO_train2014_000000000009."""
    return [
        (coco_image(name), f"{label_dir}/{name}.png", f"{DENSEPOSE_OVERSEGMENTATION_DIR}/{name}.png") for name in ids
    ]


def densepose_val_rows(ids):
    """Lines `image truth truth` of COCO images named like COCO_val2014_000000000042."""
    return [(coco_image(name), *[f"{DENSEPOSE_LABEL_DIRS['full']}/{name}.png"] * 2) for name in ids]


def coco_image(name):
    """The path of a COCO image from its id, which names its folder: COCO_train2014_000000000009."""
    return f"images/{name.split('_')[1]}/{name}.jpg"


def describe_missing(list_name, rows, data_dir):
    """Warnings, one for each folder, about files that rows name and that are not there: how many, and the first few."""
    folders = {}
    for path in dict.fromkeys(path for row in rows for path in row):
        folders.setdefault(str(Path(path).parent), []).append(path)
    warnings = []
    for folder, paths in folders.items():
        missing = [path for path in paths if not (Path(data_dir) / path).is_file()]
        if missing:
            few = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
            warnings.append(f"{list_name}: {len(missing)} of {len(paths)} files in {folder} are missing: {few}")
    return warnings
