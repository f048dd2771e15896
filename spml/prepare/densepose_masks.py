"""DensePose-COCO JSON -> part labels, point labels and person masks of all pictures."""

from argparse import Namespace
from functools import partial
from pathlib import Path

from spml.commands.flags import Parser, number
from spml.data.files import need_dir, write_image
from spml.errors import UserError
from spml.prepare.coco import Picture, pycocotools_mask, read_pictures
from spml.prepare.convert import add_common_flags, add_seed_flag, convert
from spml.prepare.densepose_labels import (
    annotated_people,
    draw_points,
    label_picture,
    only_at_surface_points,
    sample_points,
)

DENSEPOSE_LABEL_DIRS = {"full": "segcls/densepose/gray", "point": "segcls/densepose_points/gray"}
PERSON_DIR = "seginst/densepose/gray"


def read_annotated(path: str | Path) -> list[Picture]:
    """The pictures of a DensePose-COCO file in which at least one person has part masks, by id.

    Raises UserError where there is none, or the file is broken.
    """
    pictures = [picture for picture in read_pictures(path) if annotated_people(picture)]
    if not pictures:
        raise UserError(f"{path}: no person has dp_masks; expected a DensePose-COCO file")
    return pictures


def write_picture(
    picture: Picture,
    targets: tuple[Path, ...],
    unannotated: str,
    point_source: str,
    num_background: int,
    seed: int,
    width: int,
) -> None:
    """Write part labels, points and person ids of a picture to the three targets."""
    parts, persons = label_picture(picture, unannotated == "void")
    candidates = only_at_surface_points(picture, parts, persons) if point_source == "surface" else parts
    points = sample_points(candidates, persons, [seed, picture.number], num_background)
    for target, pixels in zip(targets, (parts, draw_points(points, parts.shape, width), persons), strict=True):
        write_image(target, pixels)


def densepose_masks(argv: list[str] | None = None) -> None:
    """Write the labels of all pictures of the annotation files into the layout of the data root."""
    args = _parse(argv)
    need_dir(args.data_dir, "--data_dir")
    pycocotools_mask()
    folders = [args.data_dir / folder for folder in (*DENSEPOSE_LABEL_DIRS.values(), PERSON_DIR)]
    jobs = [
        (picture, tuple(folder / f"{picture.id}.png" for folder in folders))
        for path in args.annotations
        for picture in read_annotated(path)
    ]
    settings = {
        "unannotated": args.unannotated,
        "point_source": args.point_source,
        "num_background": args.background_points,
        "seed": args.seed,
        "width": args.dilate,
    }
    convert(partial(write_picture, **settings), jobs, args, "part masks", settings)


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(
        description="DensePose-COCO JSON to segcls/densepose/gray (parts), segcls/densepose_points/gray (one point a "
        f"visible part and person, the rest 254) and {PERSON_DIR} (person ids)"
    )
    parser.add_argument("--data_dir", type=Path, required=True, help="the data root to write to")
    parser.add_argument(
        "--annotations", type=Path, nargs="+", required=True, help="densepose_coco_2014_*.json, one or several"
    )
    parser.add_argument(
        "--unannotated",
        choices=("void", "background"),
        default="void",
        help="people without part masks are left out of everything (255), or background (default: %(default)s)",
    )
    parser.add_argument(
        "--point_source",
        choices=("masks", "surface"),
        default="masks",
        help="points are drawn from all pixels of a part, or from the annotators' own points (default: %(default)s)",
    )
    parser.add_argument(
        "--background_points",
        type=number("--background_points", int, 0, 1000),
        default=2,
        help="points on the background of a picture; with none, no classifier learns it (default: %(default)s)",
    )
    parser.add_argument(
        "--dilate",
        type=number("--dilate", int, 1, 100),
        default=6,
        help="width of a point's dot in pixels (default: %(default)s)",
    )
    add_seed_flag(parser, "points")
    add_common_flags(parser)
    return parser.parse_args(argv)
