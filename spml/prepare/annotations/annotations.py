"""Annotations in any of the formats that are read -> label maps, boxes, tags, lists, and a page to check them by."""

import argparse
import logging
import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spml.commands.flags import Parser, number
from spml.commands.pool import map_files
from spml.data.files import make_dir, read_image, write_image, write_text
from spml.data.labels import UNLABELLED
from spml.data.lists import write_list
from spml.data.tag_files import write_tags
from spml.errors import UserError, first_of, printable
from spml.prepare.annotations.check_page import check_page, picture
from spml.prepare.annotations.class_table import ClassTable, read_class_table
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.findings import class_rows, remark_lines, table_lines
from spml.prepare.annotations.formats import Reading, is_jpeg, read_annotations
from spml.prepare.annotations.mask_table import read_mask_table
from spml.prepare.annotations.matching import Note, Photograph, Remark, match
from spml.prepare.annotations.model import Rectangle, Shape, Tag
from spml.prepare.annotations.outputs_at_once import OutputFolder, relative_paths
from spml.prepare.annotations.photographs import Photographs
from spml.prepare.annotations.rasterise import Brush, draw
from spml.prepare.annotations.voc_boxes import box_xml
from spml.prepare.convert import add_workers_flag

logger = logging.getLogger(__name__)

OUTPUTS = ("labels", "boxes", "tags.txt", "classes.txt", "train.txt", "images.txt", "check.html")
MOST_PICTURES = 60


class Labelled(NamedTuple):
    """What drawing a photograph gave: how many pixels hold each value 0..255, the shapes that count, and notes."""

    pixels: np.ndarray
    shapes: list[tuple[Shape, int]]
    notes: list[Note]


def write_label(photograph: Photograph, folder: Path, brush: Brush, rest: bool) -> Labelled:
    """Draw a photograph's shapes into `folder`/ID.png: class ids, 254 unlabelled, 255 void.

    rest: whether all that no shape covers is background (0), where no shape says what is, or what stays unlabelled.
    """
    drawn = draw(photograph.size, photograph.shapes, brush)
    if rest and not any(value in (0, UNLABELLED) for _, value in photograph.shapes):
        drawn.label[drawn.label == UNLABELLED] = 0
    write_image(folder / f"{photograph.id}.png", drawn.label)
    counted, notes = [], []
    for (shape, value), count in zip(photograph.shapes, drawn.counts, strict=True):
        if count or isinstance(shape, Rectangle | Tag):
            counted.append((shape, value))
        else:
            notes.append(Note(Remark.NO_PIXEL, repr(shape.name[:80]), shape.where))
    if drawn.relabelled:
        notes.append(Note(Remark.RELABELLED, photograph.id, count=drawn.relabelled))
    return Labelled(np.bincount(drawn.label.ravel(), minlength=256), counted, notes)


def annotations(argv: list[str] | None = None) -> None:
    """Read all annotations, and write what was found of every photograph; nothing before all was read."""
    args = _parse(argv)
    classes = read_class_table(args.classes, args.background)
    mask_table = read_mask_table(args.mask_table) if args.mask_table else None
    context = Context(classes, Photographs(args.image_dir), mask_table)
    output = OutputFolder(args.save_dir, OUTPUTS)
    if args.rest_is_background and not classes.background:
        raise UserError(f"--rest_is_background: {args.classes} has no background; expected it as the first line")
    rows = _list_rows(args, context)
    reading = read_annotations(args.annotations, context)
    photographs, notes = match(reading.annotations, context)
    for _ in map_files(_look_at, context.photographs.paths.values(), args.workers, "photographs"):
        pass  # a broken one is named now, not after training
    with output.filled() as folder:
        _write(folder, photographs, notes, reading, context, args)
        write_list(folder / "images.txt", [(row[0],) for row in rows.values()])
        write_list(folder / "train.txt", [rows[each.id] for each in photographs if each.shapes])
    logger.info("%s: %s; look at check.html", args.save_dir, ", ".join(OUTPUTS[:-1]))


def _look_at(path: Path) -> None:
    read_image(path)


def _list_rows(args: argparse.Namespace, context: Context) -> dict[str, tuple[str, str, str]]:
    """Lines `image label regions` of all photographs by id, relative to --data_dir."""
    regions = args.region_dir or args.save_dir / "regions"
    data_dir = args.data_dir or os.path.commonpath([os.path.abspath(args.image_dir), os.path.abspath(args.save_dir)])
    logger.info("lists are relative to --data_dir %s", data_dir)
    names = list(context.photographs.paths)
    columns = [
        relative_paths(list(context.photographs.paths.values()), data_dir),
        relative_paths([args.save_dir / "labels" / f"{name}.png" for name in names], data_dir),
        relative_paths([regions / f"{name}.png" for name in names], data_dir),
    ]
    return dict(zip(names, zip(*columns, strict=True), strict=True))


def _write(
    folder: Path,
    photographs: list[Photograph],
    notes: list[Note],
    reading: Reading,
    context: Context,
    args: argparse.Namespace,
) -> None:
    shown = [each for each in photographs if each.shapes]
    brush, rest = Brush(args.point_width, args.stroke_width), args.rest_is_background
    label = partial(write_label, folder=folder / "labels", brush=brush, rest=rest)
    drawn = list(map_files(label, shown, args.workers, "labels"))
    notes = notes + [note for each in drawn for note in each.notes]
    for photograph, each in zip(shown, drawn, strict=True):
        photograph.shapes = each.shapes
    rows = class_rows(photographs, sum((each.pixels for each in drawn), np.zeros(256, int)), context.classes)
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in context.classes.names))
    write_tags(folder / "tags.txt", {each.id: each.tags(context.classes) for each in photographs if each.annotated})
    _write_boxes(folder / "boxes", shown, context)
    chosen = shown[:: -(-len(shown) // MOST_PICTURES)]
    pictures = list(map_files(partial(picture, context=context), chosen, args.workers))
    summary = _summary(photographs, reading, context.classes)
    write_text(folder / "check.html", printable(check_page(summary, rows, notes, pictures)))
    for line in [*summary, *table_lines(rows)]:
        logger.info("%s", line)
    for line in remark_lines(notes):
        logger.warning("%s", line)


def _write_boxes(folder: Path, photographs: list[Photograph], context: Context) -> None:
    make_dir(folder)
    for each in photographs:
        boxes = [(box, context.classes.names[value]) for box, value in each.boxes(context.classes)]
        if boxes:
            write_text(folder / f"{each.id}.xml", box_xml(context.photographs.paths[each.id].name, each.size, boxes))


def _summary(photographs: list[Photograph], reading: Reading, classes: ClassTable) -> list[str]:
    files = ", ".join(f"{count} of {name}" for name, count in reading.files.items())
    annotated = sum(each.annotated for each in photographs)
    lines = [
        f"{len(photographs)} photographs, {annotated} annotated; files read: {files}.",
        f"{len(classes.names)} classes; background: {classes.names[0] if classes.background else 'none'}.",
    ]
    if reading.left_alone:
        lines.append(f"files that are no annotations, left alone: {first_of([p.name for p in reading.left_alone])}.")
        if any(map(is_jpeg, reading.left_alone)):
            lines.append("JPEG holds no masks: it changes their numbers; PNG, BMP, TIFF and GIF do.")
    return lines


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(
        description="Annotations as people have them to label maps, boxes, tags and lists. Formats are recognised by "
        "content: LabelMe, CVAT for images, Label Studio, COCO, Datumaro, PASCAL VOC XML, YOLO, GeoJSON, masks, tags"
    )
    parser.add_argument(
        "--annotations", type=Path, nargs="+", required=True, metavar="PATH", help="files and folders, of any formats"
    )
    parser.add_argument("--image_dir", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--classes", type=Path, required=True, help="text file of class names, one a line")
    parser.add_argument("--save_dir", type=Path, required=True, help=f"where to write {', '.join(OUTPUTS)}")
    parser.add_argument(
        "--background",
        metavar="NAME",
        help="the class that is the background, or none (default: the first class if it is called background)",
    )
    parser.add_argument("--mask_table", type=Path, help="what colours or numbers of masks mean, 'name r g b' a line")
    parser.add_argument(
        "--rest_is_background",
        action="store_true",
        help="what no shape covers is background, where no shape of a photograph is background or unlabelled; for "
        "true masks drawn as polygons",
    )
    for name, published in (("point", 6), ("stroke", 3)):
        parser.add_argument(
            f"--{name}_width",
            type=number(f"--{name}_width", int, 1, 1000),
            help=f"width of {name}s in pixels (default: {published}, in proportion below 200 and above 1000 a side)",
        )
    parser.add_argument("--data_dir", type=Path, help="what lists are relative to (default: what holds both folders)")
    parser.add_argument("--region_dir", type=Path, help="over-segmentations named in train.txt (SAVE_DIR/regions)")
    add_workers_flag(parser)
    return parser.parse_args(argv)
