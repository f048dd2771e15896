"""Label maps -> LabelMe or COCO polygons, to be corrected in one's own tool and read again."""

import argparse
import json
import logging
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, add_polygon_flags
from spml.commands.pool import map_files
from spml.data.class_names import read_class_names
from spml.data.files import image_size, read_label, visible_files, write_text
from spml.data.labels import UNLABELLED, VOID
from spml.data.outlines import outlines
from spml.data.polygon_files import Traced, coco, labelme
from spml.errors import UserError, first_of
from spml.prepare.annotations.photographs import Photographs
from spml.prepare.convert import add_workers_flag

logger = logging.getLogger(__name__)


def trace_mask(job: tuple[Path, Path], num_classes: int, tolerance: float, min_pixels: int) -> Traced:
    """The borders in a label map; job: the label map and its photograph.

    Raises UserError where they differ in size, or a value is no class, unlabelled or void.
    """
    mask, image = job
    label = read_label(mask)
    if label.shape != image_size(image):
        height, width = image_size(image)
        raise UserError(f"{mask}: {label.shape[1]}×{label.shape[0]} pixels, but {image} has {width}×{height}")
    unknown = [value for value in np.unique(label).tolist() if num_classes <= value < UNLABELLED]
    if unknown:
        raise UserError(f"{mask}: holds {unknown[0]}; expected classes 0..{num_classes - 1}, 254 or 255")
    return Traced(image, (label.shape[0], label.shape[1]), outlines(label, tolerance, min_pixels))


def masks_to_annotations(argv: list[str] | None = None) -> None:
    """Write the polygons of all label maps of a folder; nothing before all were read."""
    args = _parse(argv)
    names = dict(enumerate(read_class_names(args.classes))) | {UNLABELLED: "unlabelled", VOID: "void"}
    photographs = Photographs(args.image_dir)
    masks = visible_files(args.mask_dir, "*.png")
    lost = [mask for mask in masks if mask.stem not in photographs.paths]
    if lost or not masks:
        raise UserError(
            f"{lost[0]}: no photograph of this name in {args.image_dir}" if lost else f"{args.mask_dir}: no *.png in it"
        )
    jobs = [(mask, photographs.paths[mask.stem]) for mask in masks]
    names_of_files = ["annotations.json"] if args.format == "coco" else [f"{mask.stem}.json" for mask in masks]
    there = [name for name in names_of_files if (args.save_dir / name).exists()]
    if there and not args.overwrite:
        raise UserError(
            f"--save_dir {args.save_dir}: holds {first_of(there)} already, corrected by hand perhaps; --overwrite "
            "replaces it, another folder keeps both"
        )
    trace = partial(trace_mask, num_classes=len(names) - 2, tolerance=args.tolerance, min_pixels=args.min_pixels)
    every = list(map_files(trace, jobs, args.workers, "polygons"))
    if args.format == "coco":
        write_text(args.save_dir / "annotations.json", json.dumps(coco(every, names)))
    for traced in every if args.format == "labelme" else []:
        content = json.dumps(labelme(traced, names, args.save_dir), indent=1)
        write_text(args.save_dir / f"{traced.image.stem}.json", content)
    count = sum(len(traced.outlines) for traced in every)
    logger.info("%s: %d polygons of %d label maps", args.save_dir, count, len(every))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(description="Label maps to polygons, as LabelMe JSON (one file an image) or one COCO JSON")
    parser.add_argument("--mask_dir", type=Path, required=True, help="label maps ID.png: class ids, 254, 255")
    parser.add_argument("--image_dir", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--classes", type=Path, required=True, help="text file of class names, in the order of the ids")
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write ID.json, or annotations.json")
    parser.add_argument("--format", choices=("labelme", "coco"), default="labelme", help="default: %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add_polygon_flags(parser, min_pixels=1)
    add_workers_flag(parser)
    return parser.parse_args(argv)
