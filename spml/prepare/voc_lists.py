"""VOC data lists from the split files of VOC 2012 and SBD."""

import logging
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from spml.commands.flags import Parser
from spml.data.files import need_dir
from spml.prepare.list_files import ListRow, add_list_flags, write_data_lists
from spml.prepare.splits import read_split

logger = logging.getLogger(__name__)

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
DEFAULT_KINDS = ("full", "tag", "box", "scribble", "point")
TEST_FOLDER = "VOC2012-test"


def voc_lists(argv: list[str] | None = None) -> None:
    """Write train_{kind}.txt, val.txt and test.txt."""
    args = _parse(argv)
    need_dir(args.data_dir, "--data_dir")
    args.save_dir = args.save_dir or args.data_dir / "lists"
    split_dir = args.split_dir or args.data_dir / "VOC2012" / "ImageSets" / "Segmentation"
    splits = voc_splits(split_dir, args.sbd_dir or args.data_dir / "sbd" / "dataset", _test_file(args, split_dir))
    for name, ids in splits.items():
        if len(ids) != VOC_COUNTS[name]:
            logger.warning("%s has %d images, the published split has %d", name, len(ids), VOC_COUNTS[name])
    # Whoever unpacks the test set over the other one has its images there too.
    test_folder = TEST_FOLDER if (args.data_dir / TEST_FOLDER).is_dir() else "VOC2012"
    write_data_lists(voc_data_lists(splits, args.kinds, test_folder), args)


def _test_file(args: Namespace, split_dir: Path) -> Path | None:
    beside = args.data_dir / TEST_FOLDER / "ImageSets" / "Segmentation" / "test.txt"
    found = next((path for path in (beside, split_dir / "test.txt") if path.is_file()), None)
    if found is None:
        logger.warning("no split file %s: test.txt is not written", beside)
    return found


def voc_splits(split_dir: Path, sbd_dir: Path, test_file: Path | None) -> dict[str, list[str]]:
    """Image ids of {train, val, test}: train is train_aug; without a test split file, test is left out.

    Raises UserError where a split file is missing or broken.
    """
    voc = {name: read_split(split_dir / f"{name}.txt") for name in ("train", "val")}
    sbd = {name: read_split(sbd_dir / f"{name}.txt") for name in ("train", "val")}
    splits = {"train": train_aug_ids(voc["train"], voc["val"], sbd["train"], sbd["val"]), "val": voc["val"]}
    if test_file is not None:
        splits["test"] = read_split(test_file)
    return splits


def train_aug_ids(
    voc_train: Iterable[str], voc_val: Iterable[str], sbd_train: Iterable[str], sbd_val: Iterable[str]
) -> list[str]:
    """(SBD train ∪ SBD val ∪ VOC train) − VOC val: VOC train in its order, then the others sorted."""
    held_out = set(voc_val)
    first = [name for name in voc_train if name not in held_out]
    return first + sorted({*sbd_train, *sbd_val} - held_out - set(first))


def voc_data_lists(
    splits: dict[str, list[str]], kinds: Sequence[str], test_folder: str = TEST_FOLDER
) -> dict[str, list[ListRow]]:
    """{list file name: rows} of the splits: one training list for each kind of label, val and test."""
    lists = {f"train_{kind}.txt": voc_train_rows(splits["train"], VOC_LABEL_DIRS[kind]) for kind in kinds}
    lists["val.txt"] = voc_val_rows(splits["val"])
    if "test" in splits:
        lists["test.txt"] = voc_test_rows(splits["test"], test_folder)
    return lists


def voc_train_rows(ids: Iterable[str], label_dir: str) -> list[ListRow]:
    """Lines `image label over-segmentation` of VOC training images, labels from a folder of VOC2012."""
    return [
        (f"VOC2012/JPEGImages/{name}.jpg", f"VOC2012/{label_dir}/{name}.png", f"VOC2012/hed/{name}.png") for name in ids
    ]


def voc_val_rows(ids: Iterable[str]) -> list[ListRow]:
    """Lines `image truth truth` of VOC validation images."""
    return [(f"VOC2012/JPEGImages/{name}.jpg", *[f"VOC2012/segcls/{name}.png"] * 2) for name in ids]


def voc_test_rows(ids: Iterable[str], folder: str = TEST_FOLDER) -> list[ListRow]:
    """Lines with only an image, of VOC test images in a folder of the data root."""
    return [(f"{folder}/JPEGImages/{name}.jpg",) for name in ids]


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="VOC data lists: train_{kind}.txt (train_aug), val.txt and test.txt")
    parser.add_argument("--data_dir", type=Path, required=True, help="the data root, which holds VOC2012 and sbd")
    parser.add_argument("--save_dir", type=Path, help="where to write the lists (default DATA_DIR/lists)")
    parser.add_argument("--split_dir", type=Path, help="default DATA_DIR/VOC2012/ImageSets/Segmentation")
    parser.add_argument("--sbd_dir", type=Path, help="holds SBD's train.txt and val.txt (default DATA_DIR/sbd/dataset)")
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=list(VOC_LABEL_DIRS),
        default=DEFAULT_KINDS,
        help="kinds of labels to write training lists for (default: %(default)s)",
    )
    add_list_flags(parser)
    return parser.parse_args(argv)
