"""Image tags: which classes an image holds, one `ID class class ...` a line."""

import logging
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser
from spml.commands.pool import map_files
from spml.data.class_names import read_class_names
from spml.data.files import read_label
from spml.data.tag_files import write_tags
from spml.data.voc_xml import read_boxes
from spml.prepare.convert import (
    add_background_flag,
    add_class_names_flag,
    add_common_flags,
    first_tag_of,
    need_files,
)

logger = logging.getLogger(__name__)


def tags_from_boxes(path: str | Path, class_names: Sequence[str], first: int = 1) -> tuple[int, ...]:
    """The classes, ascending, of all objects of a VOC annotation XML, difficult ones included."""
    present = {box.class_id for box in read_boxes(path, class_names)[1]}
    return tuple(label for label in sorted(present) if label >= first)


def tags_from_label(path: str | Path, num_classes: int, first: int = 1) -> tuple[int, ...]:
    """The classes, ascending, from `first` to num_classes − 1 that occur in a label map."""
    present = np.unique(read_label(path)).tolist()
    return tuple(label for label in present if first <= label < num_classes)


def image_tags(argv: list[str] | None = None) -> None:
    """Write the tags of all annotations of a folder."""
    args = _parse(argv)
    if args.skip_existing and args.save_path.is_file():
        logger.info("%s is already there", args.save_path)
        return
    names = read_class_names(args.class_names)
    first = first_tag_of(args, names)
    read: Callable[[Path], tuple[int, ...]]
    if args.xml_dir is not None:
        files = need_files(args.xml_dir, "*.xml", "--xml_dir")
        read = partial(tags_from_boxes, class_names=names, first=first)
    else:
        files = need_files(args.label_dir, "*.png", "--label_dir")
        read = partial(tags_from_label, num_classes=len(names), first=first)
    found = map_files(read, files, args.workers, "tags")
    write_tags(args.save_path, {path.stem: classes for path, classes in zip(files, found, strict=True)})
    logger.info("%s: tags of %d images", args.save_path, len(files))


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="Image tags, 'ID class class ...' a line, from VOC XML or label maps")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--xml_dir", type=Path, help="VOC annotation XML files, ID.xml")
    source.add_argument("--label_dir", type=Path, help="grey label maps, ID.png")
    parser.add_argument("--save_path", type=Path, required=True, help="the text file to write")
    add_class_names_flag(parser)
    add_background_flag(parser)
    add_common_flags(parser)
    return parser.parse_args(argv)
