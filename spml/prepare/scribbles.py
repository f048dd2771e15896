"""ScribbleSup XML -> scribbles of several lengths, and points."""

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spml.commands.flags import Parser, number
from spml.data.class_names import VOC_CLASSES, class_id, read_class_names
from spml.data.files import image_size, write_image
from spml.data.labels import UNLABELLED
from spml.data.voc_xml import number_of, parse_xml, stated_size
from spml.errors import UserError
from spml.prepare.convert import add_class_names_flag, add_common_flags, convert, need_files
from spml.prepare.strokes import draw_polyline

SCRIBBLE_LENGTHS = (1.0, 0.8, 0.5, 0.3, 0.0)
SCRIBBLE_WIDTH, POINT_WIDTH = 3, 6


class Scribble(NamedTuple):
    """A polyline of one class; points: N×2 as (x, y) in pixels."""

    class_id: int
    points: np.ndarray


def read_scribbles(
    path: str | Path, class_names: Sequence[str] = VOC_CLASSES
) -> tuple[tuple[int, int] | None, list[Scribble]]:
    """Read a ScribbleSup annotation: (height, width) or None, and its scribbles; polylines without spots are dropped.

    Raises UserError for broken XML, unknown class tags and spots without coordinates.
    """
    root = parse_xml(path)
    scribbles = []
    for polygon in root.iter("polygon"):
        spots = [[number_of(spot, axis, path) for axis in "XY"] for spot in polygon.findall("point")]
        label = class_id(polygon.findtext("tag") or "", class_names, path)
        if spots:
            scribbles.append(Scribble(label, np.array(spots)))
    return stated_size(root, path), scribbles


def draw_scribbles(size: tuple[int, int], scribbles: Sequence[Scribble], length: float, width: int) -> np.ndarray:
    """Label map, H×W uint8, of the middle `length` (0..1) of each scribble, `width` pixels wide, the rest unlabelled.

    Length 0 is a dot at the middle of each scribble. The background is drawn first, then the objects in their order.
    """
    label = np.full(size, UNLABELLED, np.uint8)
    for scribble in sorted(scribbles, key=lambda scribble: scribble.class_id > 0):
        draw_polyline(label, scribble.points, scribble.class_id, length, width)
    return label


def dir_name(length: float) -> str:
    """The folder of the scribbles of a length: dilate_3 at full length, dilate_3_0.5 at half, dilate_6_0.0: points."""
    if length == 1:
        return f"dilate_{SCRIBBLE_WIDTH}"
    return f"dilate_{POINT_WIDTH if length == 0 else SCRIBBLE_WIDTH}_{float(length)}"


def write_scribbles(
    source: Path, targets: tuple[Path, ...], lengths: Sequence[float], image_dir: Path, class_names: Sequence[str]
) -> None:
    """Draw one XML at each length into its target, at the size of the image where it is there."""
    stated, scribbles = read_scribbles(source, class_names)
    size = _size_of_image(image_dir / f"{source.stem}.jpg", stated, source)
    for length, target in zip(lengths, targets, strict=True):
        write_image(target, draw_scribbles(size, scribbles, length, SCRIBBLE_WIDTH if length else POINT_WIDTH))


def _size_of_image(image_path: Path, stated: tuple[int, int] | None, path: Path) -> tuple[int, int]:
    if not image_path.is_file():
        if stated is None:
            raise UserError(f"{path}: states no image size, and {image_path} is not there to tell it")
        return stated
    found = image_size(image_path)
    if stated is not None and stated != found:
        raise UserError(f"{path}: is for {stated[1]}×{stated[0]} pixels, but {image_path} has {found[1]}×{found[0]}")
    return found


def scribbles(argv: list[str] | None = None) -> None:
    """Draw all scribble annotations at the wanted lengths."""
    args = _parse(argv)
    save_dir = args.save_dir or args.data_dir / "VOC2012" / "scribble"
    names = read_class_names(args.class_names)
    jobs = [
        (path, tuple(save_dir / dir_name(length) / f"{path.stem}.png" for length in args.lengths))
        for path in need_files(args.xml_dir, "*.xml", "--xml_dir")
    ]
    image_dir = args.data_dir / "VOC2012" / "JPEGImages"
    draw = partial(write_scribbles, lengths=args.lengths, image_dir=image_dir, class_names=names)
    convert(draw, jobs, args, "scribbles", {"class_names": names})


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(
        description="ScribbleSup XML to scribbles 3 pixels wide at several lengths, and to points (length 0) 6 wide"
    )
    parser.add_argument("--data_dir", type=Path, required=True, help="the data root, which holds VOC2012")
    parser.add_argument("--xml_dir", type=Path, required=True, help="folder of the ScribbleSup XML files")
    parser.add_argument("--save_dir", type=Path, help="where to write (default DATA_DIR/VOC2012/scribble)")
    parser.add_argument(
        "--lengths",
        type=number("--lengths", float, 0, 1),
        nargs="+",
        default=SCRIBBLE_LENGTHS,
        help="shares of the scribbles' length; 0: a point at the middle (default: %(default)s)",
    )
    add_class_names_flag(parser)
    add_common_flags(parser)
    return parser.parse_args(argv)
