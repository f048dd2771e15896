"""VOC data lists from the split files of VOC 2012 and SBD."""

import argparse
from pathlib import Path

from spml.data.files import need_dir
from spml.prepare.list_files import add_list_flags, warn, write_lists
from spml.prepare.splits import (
    VOC_COUNTS,
    VOC_LABEL_DIRS,
    read_ids,
    train_aug_ids,
    voc_test_rows,
    voc_train_rows,
    voc_val_rows,
)

KINDS = ("full", "tag", "box", "scribble", "point")


def voc_splits(split_dir, sbd_dir, test_file):
    """Image ids of {train, val, test}: train is train_aug; without a test split file, test is left out."""
    voc = {name: read_ids(split_dir / f"{name}.txt") for name in ("train", "val")}
    sbd = {name: read_ids(sbd_dir / f"{name}.txt") for name in ("train", "val")}
    splits = {"train": train_aug_ids(voc["train"], voc["val"], sbd["train"], sbd["val"]), "val": voc["val"]}
    if test_file is not None:
        splits["test"] = read_ids(test_file)
    return splits


def voc_data_lists(splits, kinds, test_folder="VOC2012-test"):
    """{list file name: rows} of the splits: one training list for each kind of label, val and test."""
    lists = {f"train_{kind}.txt": voc_train_rows(splits["train"], VOC_LABEL_DIRS[kind]) for kind in kinds}
    lists["val.txt"] = voc_val_rows(splits["val"])
    if "test" in splits:
        lists["test.txt"] = voc_test_rows(splits["test"], test_folder)
    return lists


def main(argv=None):
    """Write train_{kind}.txt, val.txt and test.txt."""
    args = _parse(argv)
    need_dir(args.data_dir, "--data_dir")
    args.save_dir = args.save_dir or args.data_dir / "lists"
    split_dir = args.split_dir or args.data_dir / "VOC2012" / "ImageSets" / "Segmentation"
    test_files = [args.data_dir / "VOC2012-test" / "ImageSets" / "Segmentation" / "test.txt", split_dir / "test.txt"]
    test_file = next((path for path in test_files if path.is_file()), None)
    if test_file is None:
        warn(f"no split file {test_files[0]}: test.txt is not written")
    splits = voc_splits(split_dir, args.sbd_dir or args.data_dir / "sbd" / "dataset", test_file)
    for name, ids in splits.items():
        if len(ids) != VOC_COUNTS[name]:
            warn(f"{name} has {len(ids)} images, the published split has {VOC_COUNTS[name]}")
    # Whoever unpacks the test set over the other one has its images there too.
    test_folder = "VOC2012-test" if (args.data_dir / "VOC2012-test").is_dir() else "VOC2012"
    write_lists(voc_data_lists(splits, args.kinds, test_folder), args)


def _parse(argv):
    parser = argparse.ArgumentParser(description="VOC data lists: train_{kind}.txt (train_aug), val.txt and test.txt")
    parser.add_argument("--data_dir", type=Path, required=True, help="the data root, which holds VOC2012 and sbd")
    parser.add_argument("--save_dir", type=Path, help="where to write the lists (default DATA_DIR/lists)")
    parser.add_argument("--split_dir", type=Path, help="default DATA_DIR/VOC2012/ImageSets/Segmentation")
    parser.add_argument("--sbd_dir", type=Path, help="holds SBD's train.txt and val.txt (default DATA_DIR/sbd/dataset)")
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=list(VOC_LABEL_DIRS),
        default=KINDS,
        help="kinds of labels to write training lists for (default: %(default)s)",
    )
    add_list_flags(parser)
    return parser.parse_args(argv)
