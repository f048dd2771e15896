"""A page of its own for a recipe: photographs under labels and masks, IoU of the classes, curves of the trainings."""

import logging
from argparse import Namespace
from pathlib import Path

import numpy as np

from spml.commands.event_files import Curve, read_curves
from spml.commands.flags import Parser, number, titled
from spml.commands.report_page import Report, ShownImage, ShownList, report_page
from spml.commands.score_files import read_class_scores
from spml.data.class_names import read_class_names
from spml.data.files import read_image, read_label, write_text
from spml.data.labels import UNLABELLED
from spml.data.lists import Sample, listed_ids, read_list
from spml.data.transforms import resize_label
from spml.errors import printable
from spml.visualize import data_address, load_palette, overlay, shrunk

OPACITY = 0.6
KEPT_CURVES = ("loss/", "accuracy", "rate")

logger = logging.getLogger(__name__)


def html_report(argv: list[str] | None = None) -> None:
    """Write the page that shows what a recipe made."""
    args = _parse(argv)
    columns, scores, folders = (titled(flag, getattr(args, flag)) for flag in ("columns", "scores", "tensorboard"))
    read = {title: read_class_scores(path) for title, path in scores.items()}
    palette = load_palette(args.color_map)
    page = Report(
        title=args.title,
        names=read_class_names(args.class_names) if args.class_names else (),
        palette=palette,
        lists=[_list(args, path, columns, palette) for path in args.data_list],
        scores={title: column for title, column in read.items() if column is not None},
        curves={title: _curves(folder) for title, folder in folders.items() if Path(folder).is_dir()},
        absent=[
            *(folder for folder in columns.values() if not _holds_any(folder, args)),
            *(path for path in (*scores.values(), *folders.values()) if not Path(path).exists()),
        ],
    )
    write_text(args.save, printable(report_page(page)))
    logger.info("report: %s", args.save)


def _list(args: Namespace, data_list: str, columns: dict[str, str], palette: np.ndarray) -> ShownList:
    """Images of a data list, spread over it."""
    samples = read_list(args.data_dir, data_list, need_labels=False)
    few = samples[:: max(1, len(samples) // args.images)][: args.images]
    shown = [_shown(sample, columns, palette, args.cell) for sample in few]
    return ShownList(Path(data_list).stem, shown, len(samples))


def _holds_any(folder: str, args: Namespace) -> bool:
    """Whether a folder holds the mask of any listed image."""
    return any(Path(folder, f"{name}.png").is_file() for path in args.data_list for name in listed_ids(path))


def _curves(folder: str) -> dict[str, Curve]:
    curves = read_curves(folder, "--tensorboard")
    return {name: curve for name, curve in curves.items() if name.startswith(KEPT_CURVES)}


def _shown(sample: Sample, columns: dict[str, str], palette: np.ndarray, cell: int) -> ShownImage:
    image = shrunk(read_image(sample.image), cell)
    masks = {"label": sample.semantic} if sample.semantic is not None else {}
    masks |= {title: Path(folder) / f"{sample.id}.png" for title, folder in columns.items()}
    pictures, classes = [("image", data_address(image))], set()
    for title, path in masks.items():
        if path.is_file():
            small = shrunk_label(read_label(path), image.shape[:2])
            pictures.append((title, data_address(overlay(image, small, palette, OPACITY))))
            classes |= set(np.unique(small[small < UNLABELLED]).tolist())
    return ShownImage(sample.id, pictures, frozenset(classes))


def shrunk_label(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map at another size, H×W uint8; where it shrinks, a labelled pixel is seen among unlabelled ones."""
    if size[0] > label.shape[0] or size[1] > label.shape[1]:
        return resize_label(label, size)
    small = np.full(size, UNLABELLED, np.uint8)
    rows, columns = np.nonzero(label < UNLABELLED)
    places = rows * size[0] // label.shape[0], columns * size[1] // label.shape[1]
    small[places] = label[rows, columns]
    return small


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--data_list", nargs="+", required=True, metavar="TXT", help="images to show, and their labels")
    parser.add_argument("--data_dir", default=".", metavar="DIR", help="what the paths of a data list are relative to")
    pairs = {"columns": "masks DIR/ID.png", "scores": "JSON of a benchmark script", "tensorboard": "event files"}
    for flag, what in pairs.items():
        parser.add_argument(f"--{flag}", nargs="+", default=[], metavar="TITLE=PATH", help=f"{what}; absent ones too")
    parser.add_argument("--class_names", metavar="FILE", help="names of the classes, one a line")
    parser.add_argument("--color_map", default="", metavar="MAT", help="colours of the classes; by default VOC's")
    parser.add_argument("--title", default="Report")
    parser.add_argument(
        "--images", type=number("--images", int, 1, 100000), default=24, help="how many a list, spread over it"
    )
    parser.add_argument("--cell", type=number("--cell", int, 8, 2000), default=280, help="longer side of a picture")
    parser.add_argument("--save", required=True, metavar="HTML", help="page to write")
    return parser.parse_args(argv)
