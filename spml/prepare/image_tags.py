"""Image tags: which classes an image holds, one `ID class class ...` a line."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.pool import map_files
from spml.data.class_names import read_class_names
from spml.data.files import read_label
from spml.data.tag_files import write_tags
from spml.prepare.convert import add_common_flags, need_files
from spml.prepare.voc_xml import read_boxes


def tags_from_boxes(path, class_names):
    """The classes, ascending, of all objects of a VOC annotation XML, difficult ones included."""
    return tuple(sorted({box.class_id for box in read_boxes(path, class_names)[1]} - {0}))


def tags_from_label(path, num_classes):
    """The classes, ascending, from 1 to num_classes − 1 that occur in a label map."""
    present = np.unique(read_label(path)).tolist()
    return tuple(label for label in present if 0 < label < num_classes)


def main(argv=None):
    """Write the tags of all annotations of a folder."""
    args = _parse(argv)
    if args.skip_existing and args.save_path.is_file():
        print(f"{args.save_path} is already there")
        return
    names = read_class_names(args.class_names)
    if args.xml_dir is not None:
        files, read = need_files(args.xml_dir, "*.xml", "--xml_dir"), partial(tags_from_boxes, class_names=names)
    else:
        files = need_files(args.label_dir, "*.png", "--label_dir")
        read = partial(tags_from_label, num_classes=len(names))
    found = map_files(read, files, args.workers, "tags")
    write_tags(args.save_path, {path.stem: classes for path, classes in zip(files, found, strict=True)})
    print(f"{args.save_path}: tags of {len(files)} images")


def _parse(argv):
    parser = argparse.ArgumentParser(description="Image tags, 'ID class class ...' a line, from VOC XML or label maps")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--xml_dir", type=Path, help="VOC annotation XML files, ID.xml")
    source.add_argument("--label_dir", type=Path, help="grey label maps, ID.png")
    parser.add_argument("--save_path", type=Path, required=True, help="the text file to write")
    parser.add_argument("--class_names", type=Path, help="text file of class names, one a line (default: VOC's)")
    add_common_flags(parser)
    return parser.parse_args(argv)
