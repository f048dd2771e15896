"""Class activation maps -> seed labels, from tags alone or within boxes, under the labels that are given."""

import logging
from argparse import Namespace
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spml.commands.cam_folder import check_cam_background
from spml.commands.flags import Parser, number
from spml.data.cam_files import cam_path, read_cam
from spml.data.class_names import read_class_names
from spml.data.files import find_images, image_size, need_dir, read_label, write_image
from spml.data.labels import UNLABELLED
from spml.errors import UserError
from spml.prepare.convert import (
    add_background_flag,
    add_class_names_flag,
    add_common_flags,
    convert,
    first_tag_of,
    need_files,
)
from spml.prepare.seed_rules import (
    BOX_THRESHOLD,
    TAG_THRESHOLD,
    box_seeds,
    lay_under,
    partial_box_seeds,
    tag_seeds,
)
from spml.prepare.voc_xml import read_boxes

logger = logging.getLogger(__name__)

MOST_WITHOUT_CLASS = 1024  # bytes of a CAM file of no class, at most


@dataclass(frozen=True)
class SeedSettings:
    """How seeds are made.

    cam_dir: folder of the CAM files; class_names: by id; first: the first class that counts as a tag, 0 without a
    background; alpha: power of the background's score; tag_threshold, box_threshold: below these scores pixels stay
    unlabelled; box_dir: VOC XML files, or None; partial_boxes: whether images and classes without a box take tag seeds;
    label_dir: label maps that win over seeds, or None; only_missing: whether seeds are left out of classes that an
    image's label shows; untagged: sizes (height, width) of the images whose CAM holds no class and that have no label.
    """

    cam_dir: Path
    class_names: tuple[str, ...]
    first: int = 1
    alpha: float = 6.0
    tag_threshold: float = TAG_THRESHOLD
    box_threshold: float = BOX_THRESHOLD
    box_dir: Path | None = None
    partial_boxes: bool = False
    label_dir: Path | None = None
    only_missing: bool = False
    untagged: dict[str, tuple[int, int]] = field(default_factory=dict)


def read_cam_arrays(path: str | Path, num_classes: int, first: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Read a CAM file as class ids [n], ascending, and scores [n, H, W] float32 in 0..1.

    first: the first class that counts as a tag. Raises UserError where the file is broken or holds no class.
    """
    cam = read_cam(path, num_classes, first=first)
    if not cam:
        raise UserError(f"{path}: holds no class; expected scores of one class at least, or a label in --label_dir")
    return np.array(list(cam), int), np.stack(list(cam.values()))


def write_seeds(name: str, targets: tuple[Path, ...], settings: SeedSettings) -> None:
    """Write the seeds of an image to `targets[0]`, under its label where there is one.

    An image with a label needs no CAM: without one, or with one of no class, its label stands alone. An image without a
    tag and a label stays unlabelled.
    """
    if name in settings.untagged:
        write_image(targets[0], np.full(settings.untagged[name], UNLABELLED, np.uint8))
        return
    source, label = cam_path(settings.cam_dir, name), _given_label(name, settings)
    if label is not None and not _has_class(source, settings):
        write_image(targets[0], label)
        return
    seeds = seeds_of(source, settings)
    if label is not None:
        if label.shape != seeds.shape:
            raise UserError(f"{source}: scores of size {seeds.shape}, but --label_dir has a label of {label.shape}")
        seeds = lay_under(seeds, label, len(settings.class_names), settings.only_missing)
    write_image(targets[0], seeds)


def _given_label(name: str, settings: SeedSettings) -> np.ndarray | None:
    path = settings.label_dir / f"{name}.png" if settings.label_dir else None
    return read_label(path) if path and path.is_file() else None


def _has_class(source: Path, settings: SeedSettings) -> bool:
    return source.is_file() and bool(read_cam(source, len(settings.class_names), first=settings.first))


def seeds_of(source: Path, settings: SeedSettings) -> np.ndarray:
    """The seeds, H×W uint8, of one CAM file, with the boxes of the XML of the same name where they are asked for."""
    classes, scores = read_cam_arrays(source, len(settings.class_names), settings.first)
    alpha, background = settings.alpha, settings.first > 0
    xml = settings.box_dir / f"{source.stem}.xml" if settings.box_dir else None
    if xml is None or (settings.partial_boxes and not xml.is_file()):
        return tag_seeds(classes, scores, alpha, settings.tag_threshold, background)
    size, boxes = read_boxes(xml, settings.class_names)
    if size != scores.shape[1:]:
        raise UserError(f"{source}: scores of size {scores.shape[1:]}, but {xml} states (height, width) {size}")
    if settings.partial_boxes:
        thresholds = settings.tag_threshold, settings.box_threshold
        return partial_box_seeds(classes, scores, boxes, alpha, thresholds, background)
    return box_seeds(classes, scores, boxes, settings.box_threshold, background)


def cam_seeds(argv: list[str] | None = None) -> None:
    """Write the seeds of all CAM files of a folder, and the given labels that have no CAM."""
    args = _parse(argv)
    settings = _settings(args)
    check_cam_background(settings.cam_dir, settings.first)
    names = {path.stem for path in need_files(settings.cam_dir, "*.npy", "--cam_dir")}
    if settings.label_dir:
        names |= _labels_alone(names, settings)
    untagged = {name for name in names if _is_untagged(name, settings)}
    if untagged:
        settings = replace(settings, untagged=_sizes(untagged, args.image_dir))
        names -= untagged - {*settings.untagged}
    jobs = [(name, (args.save_dir / f"{name}.png",)) for name in sorted(names)]
    convert(partial(write_seeds, settings=settings), jobs, args, "seeds", _recorded(settings))


def _labels_alone(names: set[str], settings: SeedSettings) -> set[str]:
    """The images with a label and no CAM; raises UserError where one has boxes, whose seeds would be missing."""
    assert settings.label_dir is not None
    alone = {path.stem for path in need_files(settings.label_dir, "*.png", "--label_dir")} - names
    boxed = sorted(n for n in alone if settings.box_dir and (settings.box_dir / f"{n}.xml").is_file())
    if boxed:
        more = f" and {len(boxed) - 1} more" if len(boxed) > 1 else ""
        raise UserError(f"--cam_dir {settings.cam_dir}: no CAM of {boxed[0]}{more}, which --box_dir has boxes of")
    if alone:
        logger.info("%d labels without a CAM are copied as they are", len(alone))
    return alone


def _is_untagged(name: str, settings: SeedSettings) -> bool:
    """Whether a CAM file holds no class, and no label stands in for it; only small files are opened for that."""
    source = cam_path(settings.cam_dir, name)
    if not source.is_file() or source.stat().st_size > MOST_WITHOUT_CLASS or _given_label(name, settings) is not None:
        return False
    return not read_cam(source, len(settings.class_names), first=settings.first)


def _sizes(untagged: set[str], image_dir: Path | None) -> dict[str, tuple[int, int]]:
    """Sizes (height, width) of the images without a tag, as far as they are known."""
    paths = {path.stem: path for path in find_images(image_dir, "--image_dir")} if image_dir else {}
    sizes = {name: image_size(paths[name]) for name in sorted(untagged & {*paths})}
    if sizes:
        logger.warning("%d images without a tag stay unlabelled: %s", len(sizes), _few(sizes))
    left_out = sorted(untagged - {*sizes})
    if left_out:
        where = "not in --image_dir" if image_dir else "--image_dir would say their size"
        logger.warning("%d images without a tag get no seeds (%s): %s", len(left_out), where, _few(left_out))
    return sizes


def _few(names: Collection[str]) -> str:
    return ", ".join([*names][:5]) + (", ..." if len(names) > 5 else "")


def _settings(args: Namespace) -> SeedSettings:
    if args.partial_boxes and args.box_dir is None:
        raise UserError("--partial_boxes is of the boxes in --box_dir, which is not given")
    if args.only_missing and args.label_dir is None:
        raise UserError("--only_missing is of the labels in --label_dir, which is not given")
    names, threshold = read_class_names(args.class_names), args.threshold
    return SeedSettings(
        cam_dir=args.cam_dir,
        class_names=names,
        first=first_tag_of(args, names),
        alpha=args.alpha,
        tag_threshold=TAG_THRESHOLD if threshold is None else threshold,
        box_threshold=BOX_THRESHOLD if threshold is None else threshold,
        box_dir=need_dir(args.box_dir, "--box_dir") if args.box_dir else None,
        partial_boxes=args.partial_boxes,
        label_dir=args.label_dir,
        only_missing=args.only_missing,
    )


def _recorded(settings: SeedSettings) -> dict[str, Any]:
    """What decides the seeds, as it is kept beside them; what is not asked for is not mentioned."""
    threshold = settings.tag_threshold if settings.box_dir is None else settings.box_threshold
    values: dict[str, Any] = {"cam_dir": str(settings.cam_dir.resolve()), "boxes": settings.box_dir is not None}
    values |= {"class_names": settings.class_names, "alpha": settings.alpha, "threshold": threshold}
    if settings.first == 0:
        values["background"] = "none"
    if settings.partial_boxes:
        values |= {"partial_boxes": True, "tag_threshold": settings.tag_threshold}
    if settings.label_dir:
        values |= {"label_dir": str(settings.label_dir.resolve()), "only_missing": settings.only_missing}
    return values


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(
        description="CAM files (.npy dicts of class - 1, without a background of class, to scores) to seed labels"
    )
    parser.add_argument("--cam_dir", type=Path, required=True, help="folder of the CAM files, ID.npy")
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the seeds, ID.png")
    parser.add_argument("--box_dir", type=Path, help="VOC XML files, ID.xml: seeds within the boxes of the objects")
    parser.add_argument(
        "--partial_boxes", action="store_true", help="images and classes without a box take seeds as from tags"
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
        help=f"unlabelled below this score (default: {TAG_THRESHOLD}, within boxes {BOX_THRESHOLD})",
    )
    add_class_names_flag(parser)
    add_background_flag(parser)
    add_common_flags(parser)
    return parser.parse_args(argv)
