"""Tags, boxes and data lists of MSRC-21 where its images, masks and marks are there already."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser
from spml.commands.pool import map_files
from spml.data.class_names import read_class_names
from spml.data.files import need_dir, read_image, read_label, write_text
from spml.data.labels import VOID
from spml.data.lists import write_list
from spml.data.tag_files import write_tags
from spml.errors import UserError
from spml.prepare.convert import add_class_names_flag, add_workers_flag
from spml.prepare.splits import read_split
from spml.prepare.toy.scenes import Scene
from spml.prepare.toy.weak_labels import boxes_as_xml

logger = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
_TRAINING_LABELS = {"full": "masks", "point": "points", "scribble": "scribbles"}


def write_tables(
    save_dir: Path, class_names: Sequence[str], tags: Mapping[str, Sequence[int]], splits: Mapping[str, list[str]]
) -> None:
    """Write the class names, the tags, the names of each split, and the data lists."""
    write_text(save_dir / "classes.txt", "".join(f"{name}\n" for name in class_names))
    write_tags(save_dir / "tags.txt", tags)
    for split, names in splits.items():
        write_text(save_dir / f"{split}.txt", "".join(f"{name}\n" for name in names))
    rows = {f"train_{kind}": _rows(splits["train"], folder, "regions") for kind, folder in _TRAINING_LABELS.items()}
    rows |= {split: _rows(splits[split], "masks", "instances") for split in ("val", "test")}
    for name, lines in rows.items():
        write_list(save_dir / "lists" / f"{name}.txt", lines)
    logger.info("%s: %s", save_dir, ", ".join(f"{len(names)} {split}" for split, names in splits.items()))


def _rows(names: list[str], semantic: str, instance: str) -> list[tuple[str, str, str]]:
    return [(f"images/{name}.jpg", f"{semantic}/{name}.png", f"{instance}/{name}.png") for name in names]


def find_classes(name: str, data_dir: Path) -> list[int]:
    """The classes that the mask of an image shows."""
    return [int(label) for label in np.unique(read_label(data_dir / f"masks/{name}.png")) if label != VOID]


def scene_of(image: Path, mask: np.ndarray, instances: np.ndarray) -> Scene:
    """A photograph with its class ids, and its segments numbered from 1; 0 where `instances` is void."""
    return Scene(read_image(image), mask, np.where(instances == VOID, 0, instances + 1).astype(np.uint8))


def write_boxes(name: str, data_dir: Path, class_names: Sequence[str]) -> None:
    """Write the boxes of an image's instances as PASCAL VOC does, to `boxes/ID.xml`."""
    mask, instances = (read_label(data_dir / f"{folder}/{name}.png") for folder in ("masks", "instances"))
    scene = scene_of(data_dir / f"images/{name}.jpg", mask, instances)
    write_text(data_dir / f"boxes/{name}.xml", boxes_as_xml(name, scene, class_names))


def msrc21_lists(argv: Sequence[str] | None = None) -> None:
    """Write what a converted MSRC-21 without them lacks; images without a mask, as of a test, get no tags and boxes."""
    args = _parse(argv)
    folder, names = need_dir(args.data_dir, "--data_dir"), read_class_names(args.class_names)
    splits = {split: read_split(folder / f"{split}.txt") for split in SPLITS}
    known = [n for split in splits.values() for n in split if (folder / f"masks/{n}.png").is_file()]
    there = set(known)
    unknown = [n for split in ("train", "val") for n in splits[split] if n not in there]
    if unknown:
        raise UserError(f"{folder}/masks/{unknown[0]}.png: not found; masks of all images of train and val are needed")
    classes = map_files(partial(find_classes, data_dir=folder), known, args.workers, "tags")
    tags = dict(zip(known, classes, strict=True))
    for _ in map_files(partial(write_boxes, data_dir=folder, class_names=names), known, args.workers, "boxes"):
        pass
    write_tables(folder, names, tags, splits)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(description="Tags, boxes and data lists of a converted MSRC-21 that has images, masks and marks")
    parser.add_argument(
        "--data_dir", type=Path, required=True, help="holds images, masks, instances, {train,val,test}.txt"
    )
    add_class_names_flag(parser)
    add_workers_flag(parser)
    return parser.parse_args(argv)
