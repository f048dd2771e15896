"""DensePose data lists from the annotation files."""

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, number
from spml.data.files import need_dir
from spml.prepare.convert import add_seed_flag
from spml.prepare.densepose_masks import DENSEPOSE_LABEL_DIRS, read_annotated
from spml.prepare.list_files import ListRow, add_list_flags, write_data_lists

DENSEPOSE_SPLITS = ("train2014", "minival2014", "valminusminival2014")
DENSEPOSE_OVERSEGMENTATION_DIR = "seginst/pmi_0.1_256"


def densepose_lists(argv: list[str] | None = None) -> None:
    """Write the lists of the wanted splits."""
    args = _parse(argv)
    need_dir(args.data_dir, "--data_dir")
    args.save_dir = args.save_dir or args.data_dir / "lists"
    annotation_dir = args.annotation_dir or args.data_dir / "annotations"
    lists: dict[str, list[ListRow]] = {}
    for split in args.splits:
        ids = [picture.id for picture in read_annotated(annotation_dir / annotation_name(split))]
        lists |= densepose_data_lists(split, ids, args.subset, args.seed)
    write_data_lists(lists, args)


def annotation_name(split: str) -> str:
    """The annotation file of a split as DensePose-COCO names it."""
    return f"densepose_coco_2014_{split.removesuffix('2014')}.json"


def densepose_data_lists(split: str, ids: list[str], subset: int, seed: int) -> dict[str, list[ListRow]]:
    """{list file name: rows} of a split.

    train2014: a list for each kind of label, and one of `subset` images drawn with a fixed seed, for the prototypes;
    the others: one list with the truth.
    """
    if split != "train2014":
        return {f"{split}.txt": densepose_val_rows(ids)}
    chosen = np.random.default_rng(seed).permutation(len(ids))[:subset]
    some = [ids[place] for place in sorted(chosen)]
    kinds = DENSEPOSE_LABEL_DIRS.items()
    lists = {f"train2014_{kind}.txt": densepose_train_rows(ids, folder) for kind, folder in kinds}
    return lists | {f"train2014_{kind}_subset.txt": densepose_train_rows(some, folder) for kind, folder in kinds}


def densepose_train_rows(ids: Iterable[str], label_dir: str) -> list[ListRow]:
    """Lines `image label over-segmentation` of COCO images named like COCO_train2014_000000000009."""
    return [
        (coco_image(name), f"{label_dir}/{name}.png", f"{DENSEPOSE_OVERSEGMENTATION_DIR}/{name}.png") for name in ids
    ]


def densepose_val_rows(ids: Iterable[str]) -> list[ListRow]:
    """Lines `image truth truth` of COCO images named like COCO_val2014_000000000042."""
    return [(coco_image(name), *[f"{DENSEPOSE_LABEL_DIRS['full']}/{name}.png"] * 2) for name in ids]


def coco_image(name: str) -> str:
    """The path of a COCO image from its id, which names its folder: COCO_train2014_000000000009."""
    return f"images/{name.split('_')[1]}/{name}.jpg"


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(
        description="DensePose data lists: train2014_{full,point}.txt, the same of a subset for the prototypes, "
        "minival2014.txt and valminusminival2014.txt"
    )
    parser.add_argument("--data_dir", type=Path, required=True, help="the data root")
    parser.add_argument("--save_dir", type=Path, help="where to write the lists (default DATA_DIR/lists)")
    parser.add_argument(
        "--annotation_dir", type=Path, help="folder of densepose_coco_2014_*.json (default DATA_DIR/annotations)"
    )
    parser.add_argument(
        "--splits", nargs="+", choices=DENSEPOSE_SPLITS, default=DENSEPOSE_SPLITS, help="default: %(default)s"
    )
    parser.add_argument(
        "--subset",
        type=number("--subset", int, 1, 10**6),
        default=3000,
        help="training images for the prototypes (default: %(default)s)",
    )
    add_seed_flag(parser, "subset")
    add_list_flags(parser)
    return parser.parse_args(argv)
