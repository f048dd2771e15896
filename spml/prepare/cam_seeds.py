"""Class activation maps -> seed labels, from tags alone or within boxes, under the labels that are given."""

import logging
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spml.commands.flags import Parser, number
from spml.data.cam_files import cam_path, read_cam
from spml.data.class_names import read_class_names
from spml.data.files import need_dir, read_label, read_text, write_image
from spml.data.labels import UNLABELLED, need_size
from spml.data.lists import listed_ids
from spml.data.voc_xml import read_boxes
from spml.errors import UserError
from spml.prepare.convert import (
    add_background_flag,
    add_class_names_flag,
    add_common_flags,
    convert,
    first_tag_of,
    named_source,
)
from spml.prepare.region_rules import region_tag_seeds
from spml.prepare.seed_images import SeedSettings, given_label, images_to_seed
from spml.prepare.seed_rules import (
    BOX_THRESHOLD,
    TAG_THRESHOLD,
    cam_box_seeds,
    lay_under,
    partial_box_seeds,
    tag_seeds,
)

logger = logging.getLogger(__name__)


def read_cam_arrays(path: str | Path, num_classes: int, first: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Read a CAM file as class ids [n], ascending, and scores [n, H, W] float32 in 0..1.

    first: the first class that counts as a tag. Raises UserError where the file is broken or holds no class.
    """
    cam = read_cam(path, num_classes, first=first)
    if not cam:
        raise UserError(f"{path}: holds no class; expected scores of one class at least, or a label in --label_dir")
    return np.array(list(cam), int), np.stack(list(cam.values()))


def write_seeds(source: Sequence[Any], targets: tuple[Path, ...], settings: SeedSettings) -> None:
    """Write the seeds of the image called `source[0]` to `targets[0]`, under its label where there is one.

    An image with a label needs no CAM: without one, or with one of no class, its label stands alone. An image without a
    tag and a label stays unlabelled.
    """
    name = source[0]
    if name in settings.untagged:
        write_image(targets[0], np.full(settings.untagged[name], UNLABELLED, np.uint8))
        return
    cam, label = cam_path(settings.cam_dir, name), given_label(name, settings)
    seeded = settings.listed is None or name in settings.listed
    if label is not None and not (seeded and _has_class(cam, settings)):
        write_image(targets[0], label)
        return
    seeds = seeds_of(cam, settings)
    if label is not None:
        need_size(label, seeds.shape, f"{settings.label_dir}/{name}.png", f"the CAM {cam}")
        seeds = lay_under(seeds, label, len(settings.class_names), settings.only_missing)
    write_image(targets[0], seeds)


def _has_class(source: Path, settings: SeedSettings) -> bool:
    return source.is_file() and bool(read_cam(source, len(settings.class_names), first=settings.first))


def seeds_of(source: Path, settings: SeedSettings) -> np.ndarray:
    """The seeds, H×W uint8, of one CAM file, with the boxes of the XML of the same name where they are asked for."""
    classes, scores = read_cam_arrays(source, len(settings.class_names), settings.first)
    alpha, background = settings.alpha, settings.first > 0
    xml = settings.box_dir / f"{source.stem}.xml" if settings.box_dir else None
    if settings.region_dir is not None:
        regions = _regions_of(source, scores.shape[1:], settings.region_dir)
        return region_tag_seeds(classes, scores, regions, alpha, settings.tag_threshold, background)
    if xml is None or (settings.partial_boxes and not xml.is_file()):
        return tag_seeds(classes, scores, alpha, settings.tag_threshold, background)
    size, boxes = read_boxes(xml, settings.class_names)
    if size != scores.shape[1:]:
        raise UserError(f"{source}: scores of size {scores.shape[1:]}, but {xml} states (height, width) {size}")
    if settings.partial_boxes:
        thresholds = settings.tag_threshold, settings.box_threshold
        return partial_box_seeds(classes, scores, boxes, alpha, thresholds, background)
    return cam_box_seeds(classes, scores, boxes, settings.box_threshold, background)


def _regions_of(source: Path, size: tuple[int, ...], region_dir: Path) -> np.ndarray:
    """The over-segmentation of the image of a CAM file."""
    path = region_dir / f"{source.stem}.png"
    return need_size(read_label(path), size, path, f"the CAM {source}")


def cam_seeds(argv: list[str] | None = None) -> None:
    """Write the seeds of all CAM files of a folder, and the given labels that have no CAM."""
    args = _parse(argv)
    settings = _settings(args)
    names, settings = images_to_seed(settings, args.image_dir)
    pictures = (settings.region_dir, ".png"), (settings.label_dir, ".png")
    places = (settings.cam_dir, ".npy"), (settings.box_dir, ".xml"), *pictures
    jobs = [(named_source(name, *places), (args.save_dir / f"{name}.png",)) for name in names]
    convert(partial(write_seeds, settings=settings), jobs, args, "seeds", _recorded(settings))


def _settings(args: Namespace) -> SeedSettings:
    if args.partial_boxes and args.box_dir is None:
        raise UserError("--partial_boxes is of the boxes in --box_dir, which is not given")
    if args.only_missing and args.label_dir is None:
        raise UserError("--only_missing is of the labels in --label_dir, which is not given")
    if args.region_dir is not None and args.box_dir is not None:
        raise UserError("--region_dir is of tags alone; seeds of boxes and regions are made by box_seeds.py")
    names, threshold = read_class_names(args.class_names), args.threshold
    first = first_tag_of(args, names)
    return SeedSettings(
        cam_dir=args.cam_dir,
        class_names=names,
        first=first,
        alpha=args.alpha,
        tag_threshold=TAG_THRESHOLD if threshold is None else threshold,
        box_threshold=(BOX_THRESHOLD if first else 0.0) if threshold is None else threshold,
        box_dir=need_dir(args.box_dir, "--box_dir") if args.box_dir else None,
        partial_boxes=args.partial_boxes,
        region_dir=need_dir(args.region_dir, "--region_dir") if args.region_dir else None,
        label_dir=args.label_dir,
        only_missing=args.only_missing,
        listed=_read_listed(args.data_list) if args.data_list else None,
    )


def _read_listed(data_list: Path) -> frozenset[str]:
    """The images that a data list names; it may be empty."""
    return frozenset(listed_ids(data_list) if read_text(data_list, "--data_list").strip() else ())


def _recorded(settings: SeedSettings) -> dict[str, Any]:
    """What decides the seeds, as it is kept beside them; what is not asked for is not mentioned."""
    threshold = settings.tag_threshold if settings.box_dir is None else settings.box_threshold
    values: dict[str, Any] = {"cam_dir": str(settings.cam_dir.resolve()), "boxes": settings.box_dir is not None}
    values |= {"class_names": settings.class_names, "alpha": settings.alpha, "threshold": threshold}
    if settings.first == 0:
        values["background"] = "none"
    if settings.box_dir:
        values["box_dir"] = str(settings.box_dir.resolve())
    if settings.partial_boxes:
        values |= {"partial_boxes": True, "tag_threshold": settings.tag_threshold}
    if settings.region_dir:
        values["region_dir"] = str(settings.region_dir.resolve())
    if settings.label_dir:
        values |= {"label_dir": str(settings.label_dir.resolve()), "only_missing": settings.only_missing}
    if settings.listed is not None:
        values["listed"] = sorted(settings.listed)
    return values


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(
        description="CAM files (.npy dicts of class - 1, without a background of class, to scores) to seed labels"
    )
    parser.add_argument("--cam_dir", type=Path, required=True, help="folder of the CAM files, ID.npy")
    parser.add_argument("--data_list", type=Path, help="seeds of the images of this list alone, which may be empty")
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the seeds, ID.png")
    parser.add_argument("--box_dir", type=Path, help="VOC XML files, ID.xml: seeds within the boxes of the objects")
    parser.add_argument(
        "--partial_boxes", action="store_true", help="images and classes without a box take seeds as from tags"
    )
    parser.add_argument(
        "--region_dir", type=Path, help="over-segmentations ID.png, over whose regions the scores of tags are averaged"
    )
    parser.add_argument(
        "--label_dir", type=Path, help="label maps ID.png that win over seeds; those without a CAM are copied"
    )
    parser.add_argument(
        "--image_dir", type=Path, help="photographs: those without a tag and a label become unlabelled seeds"
    )
    parser.add_argument(
        "--only_missing", action="store_true", help="no seeds of classes that an image's label in --label_dir shows"
    )
    parser.add_argument(
        "--alpha",
        type=number("--alpha", float, 0, 1000),
        default=6.0,
        help="power of the background score (1 - max)^alpha; boxes do not use it (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=number("--threshold", float, 0, 1),
        help=f"unlabelled below this score (default: {TAG_THRESHOLD}; within boxes {BOX_THRESHOLD}, 0 where there is "
        "no background)",
    )
    add_class_names_flag(parser)
    add_background_flag(parser)
    add_common_flags(parser)
    return parser.parse_args(argv)
