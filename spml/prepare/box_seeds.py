"""Boxes and regions -> seed labels without a network, under the labels that are given."""

import logging
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spml.commands.flags import Parser
from spml.data.boxes import Box, outside_boxes
from spml.data.class_names import read_class_names
from spml.data.files import need_dir, read_label, write_image
from spml.data.fingerprints import of_value
from spml.data.labels import UNLABELLED, need_size
from spml.data.lists import listed_ids
from spml.data.tag_files import need_tags_of, read_tags
from spml.data.voc_xml import BoxFiles
from spml.prepare.convert import (
    add_background_flag,
    add_class_names_flag,
    add_common_flags,
    convert,
    first_tag_of,
    named_source,
)
from spml.prepare.region_rules import region_box_seeds
from spml.prepare.seed_rules import lay_under

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoxSettings:
    """How seeds are made.

    box_dir: VOC XML files; region_dir: over-segmentations ID.png; class_names: by id; first: the first class that
    counts as a tag, 0 without a background; label_dir: label maps that win over seeds, or None; tags: the classes of
    images by id, or None where boxes name them all.
    """

    box_dir: Path
    region_dir: Path
    class_names: tuple[str, ...]
    first: int
    label_dir: Path | None = None
    tags: dict[str, tuple[int, ...]] | None = None


def write_box_seeds(source: Sequence[Any], targets: tuple[Path, ...], settings: BoxSettings) -> None:
    """Write the seeds of the image called `source[0]` to `targets[0]`, under its label where there is one.

    An image without boxes keeps its label, or stays unlabelled.
    """
    name = source[0]
    regions = read_label(settings.region_dir / f"{name}.png")
    label = np.full(regions.shape, UNLABELLED, np.uint8)
    if settings.label_dir is not None:
        path = settings.label_dir / f"{name}.png"
        label = need_size(read_label(path), regions.shape, path, "the image of --region_dir")
    boxes = BoxFiles(settings.box_dir, settings.class_names).read(name, regions.shape)
    if boxes:
        closed = settings.first > 0 and _all_boxed(name, boxes, label, settings)
        label = lay_under(region_box_seeds(boxes, regions, closed), label, len(settings.class_names))
    write_image(targets[0], label)


def _all_boxed(name: str, boxes: Sequence[Box], label: np.ndarray, settings: BoxSettings) -> bool:
    """Whether nothing but background can be outside the boxes: no tag and no label there is of another object."""
    tags = {} if settings.tags is None else settings.tags
    labelled = (label >= settings.first) & (label < len(settings.class_names))
    return not (
        {*tags.get(name, ())} - {box.class_id for box in boxes} or (labelled & outside_boxes(boxes, label.shape)).any()
    )


def box_seeds(argv: list[str] | None = None) -> None:
    """Write the seeds of the images of a list."""
    args = _parse(argv)
    names = read_class_names(args.class_names)
    first = first_tag_of(args, names)
    settings = BoxSettings(
        box_dir=need_dir(args.box_dir, "--box_dir"),
        region_dir=need_dir(args.region_dir, "--region_dir"),
        class_names=names,
        first=first,
        label_dir=need_dir(args.label_dir, "--label_dir") if args.label_dir else None,
        tags=read_tags(args.tags_file, len(names), first) if args.tags_file else None,
    )
    images = listed_ids(args.data_list)
    if settings.tags is not None:
        need_tags_of(settings.tags, images, args.tags_file)
    boxed = sum((settings.box_dir / f"{name}.xml").is_file() for name in images)
    logger.info("%s: boxes of %d of %d images", args.box_dir, boxed, len(images))
    places = (settings.box_dir, ".xml"), (settings.region_dir, ".png"), (settings.label_dir, ".png")
    jobs = [(named_source(name, *places), (args.save_dir / f"{name}.png",)) for name in images]
    convert(partial(write_box_seeds, settings=settings), jobs, args, "box seeds", _recorded(settings))


def _recorded(settings: BoxSettings) -> dict[str, Any]:
    """What decides the seeds, as it is kept beside them."""
    folders = {"box_dir": settings.box_dir, "region_dir": settings.region_dir, "label_dir": settings.label_dir}
    values: dict[str, Any] = {name: str(path.resolve()) for name, path in folders.items() if path}
    return values | {
        "class_names": settings.class_names,
        "first": settings.first,
        "tags": of_value(settings.tags) if settings.tags else None,
    }


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="Boxes (VOC XML) and regions (oversegment.py) to seed labels, without a network")
    parser.add_argument("--data_list", type=Path, required=True, help="the images of this list")
    parser.add_argument("--box_dir", type=Path, required=True, help="VOC XML files ID.xml of all or some of them")
    parser.add_argument("--region_dir", type=Path, required=True, help="their over-segmentations, ID.png")
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the seeds, ID.png")
    parser.add_argument("--label_dir", type=Path, help="label maps ID.png that win over seeds, one for each image")
    parser.add_argument(
        "--tags_file", type=Path, help="image tags: where they name a class without a box, its place is left open"
    )
    add_class_names_flag(parser)
    add_background_flag(parser)
    add_common_flags(parser)
    return parser.parse_args(argv)
