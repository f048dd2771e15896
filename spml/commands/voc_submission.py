"""Masks as the VOC evaluation server takes them: indexed-palette PNGs in the folders it expects."""

import logging
from functools import partial
from pathlib import Path

from spml.commands.flags import Parser, number
from spml.commands.pool import map_files
from spml.data.files import read_label, write_image
from spml.data.lists import listed_ids
from spml.errors import UserError
from spml.visualize import voc_palette

logger = logging.getLogger(__name__)

SUBMISSION_FOLDER = Path("results/VOC2012/Segmentation/comp6_test_cls")


def voc_submission(argv: list[str] | None = None) -> None:
    """Convert the grey masks of a data list's images."""
    parser = Parser(description=__doc__)
    parser.add_argument("--pred_dir", type=Path, required=True, help="grey masks ID.png")
    parser.add_argument("--data_list", type=Path, required=True, help="the images of the test set, one a line")
    parser.add_argument(
        "--save_dir", type=Path, required=True, help=f"gets {SUBMISSION_FOLDER}/ID.png; pack and submit it"
    )
    parser.add_argument("--num_classes", type=number("--num_classes", int, 1, 254), default=21)
    args = parser.parse_args(argv)
    names = listed_ids(args.data_list)
    convert = partial(_write_indexed, args.pred_dir, args.save_dir / SUBMISSION_FOLDER, args.num_classes)
    for _ in map_files(convert, names, 0, "submission"):
        pass
    logger.info("%s: %d masks", args.save_dir, len(names))


def _write_indexed(pred_dir: Path, folder: Path, num_classes: int, name: str) -> None:
    mask = read_label(pred_dir / f"{name}.png")
    if mask.max() >= num_classes:
        raise UserError(f"{pred_dir / name}.png: holds label {mask.max()}, expected classes 0..{num_classes - 1} alone")
    write_image(folder / f"{name}.png", mask, voc_palette())
