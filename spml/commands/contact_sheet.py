"""A contact sheet of a recipe: image, truth, and the masks of several folders."""

import logging
from argparse import Namespace
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, number, titled
from spml.data.files import read_image, read_label, write_image
from spml.data.lists import Sample, read_list
from spml.visualize import colorize, load_palette, picture_grid

logger = logging.getLogger(__name__)


def contact_sheet(argv: list[str] | None = None) -> None:
    """Lay the masks of several folders beside their images."""
    args = _parse(argv)
    columns = titled("columns", args.columns)
    samples = read_list(args.data_dir, args.data_list, allow_outside=True)  # as the recipe was given leave to
    samples = samples[:: max(1, len(samples) // args.images)][: args.images]
    rows = [_row(sample, [Path(folder) for folder in columns.values()]) for sample in samples]
    titles = ["image", "truth", *columns]
    write_image(args.save, picture_grid(rows, titles, args.cell))
    logger.info("contact sheet: %s", args.save)


def _row(sample: Sample, folders: list[Path]) -> list[np.ndarray | None]:
    """Image and coloured masks of a sample, None where there is none."""
    palette = load_palette()
    masks = [sample.semantic, *(folder / f"{sample.id}.png" for folder in folders)]
    coloured = [colorize(read_label(mask), palette) if mask is not None and mask.is_file() else None for mask in masks]
    return [read_image(sample.image), *coloured]


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--data_list", required=True, help="its images and label column come first")
    parser.add_argument("--columns", nargs="+", required=True, metavar="TITLE=DIR", help="folders of masks ID.png")
    parser.add_argument(
        "--images", type=number("--images", int, 1, 1000), default=8, help="how many, spread over the list"
    )
    parser.add_argument("--cell", type=number("--cell", int, 8, 2000), default=120, help="side of a picture in pixels")
    parser.add_argument("--save", required=True, help="PNG to write")
    return parser.parse_args(argv)
