"""Class activation maps -> seed labels, from tags alone or within boxes."""

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, number
from spml.data.cam_files import read_cam
from spml.data.class_names import read_class_names
from spml.data.files import need_dir, write_image
from spml.data.labels import UNLABELLED
from spml.errors import UserError
from spml.prepare.convert import add_class_names_flag, add_common_flags, convert, need_files
from spml.prepare.voc_xml import Box, read_boxes

TAG_THRESHOLD, BOX_THRESHOLD = 0.2, 0.5


def read_cam_arrays(path: str | Path, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Read a CAM file as class ids [n], ascending, and scores [n, H, W] float32 in 0..1.

    Raises UserError where the file is broken or holds no class.
    """
    cam = read_cam(path, num_classes)
    if not cam:
        raise UserError(f"{path}: holds no class; expected a dict of class - 1 to scores with one class at least")
    return np.array(list(cam), int), np.stack(list(cam.values()))


def tag_seeds(
    classes: np.ndarray, scores: np.ndarray, alpha: float = 6.0, threshold: float = TAG_THRESHOLD
) -> np.ndarray:
    """Seed labels, H×W uint8, from the CAMs of an image's tags: classes [n], scores [n, H, W] in 0..1.

    The background scores (1 − max)^alpha; each pixel takes the highest score among the background and the classes (the
    first of equals), and stays unlabelled where that winning score is below `threshold`.
    """
    background = (1 - scores.max(0, keepdims=True)) ** alpha
    every = np.concatenate([background, scores])
    seeds = np.concatenate([[0], classes])[every.argmax(0)].astype(np.uint8)
    seeds[every.max(0) < threshold] = UNLABELLED
    return seeds


def box_seeds(
    classes: np.ndarray, scores: np.ndarray, boxes: Sequence[Box], threshold: float = BOX_THRESHOLD
) -> np.ndarray:
    """Seed labels, H×W uint8, from CAMs (classes [n], scores [n, H, W]) within the objects' boxes.

    In each box the CAM of its class is scaled to 0..1 (minimum to 0, maximum to 1; a CAM that is flat there gives 0);
    a pixel takes the class of its highest scaled score, and stays unlabelled below `threshold`. Outside all boxes is
    background.
    """
    best = np.full(scores.shape[1:], -1, np.float32)
    seeds = np.zeros(scores.shape[1:], np.uint8)
    for box in boxes:
        part = np.s_[box.top : box.bottom, box.left : box.right]
        found = np.flatnonzero(classes == box.class_id)
        scaled = _scale(scores[found[0]][part]) if found.size else np.zeros_like(best[part])
        better = scaled > best[part]
        best[part][better] = scaled[better]
        seeds[part][better] = np.where(scaled >= threshold, box.class_id, UNLABELLED)[better]
    return seeds


def _scale(cam: np.ndarray) -> np.ndarray:
    lowest, span = cam.min(), np.ptp(cam)
    return (cam - lowest) / span if span > 0 else np.zeros_like(cam)


def write_tag_seeds(source: Path, targets: tuple[Path, ...], num_classes: int, alpha: float, threshold: float) -> None:
    """Convert one CAM file to the tag seeds `targets[0]`."""
    write_image(targets[0], tag_seeds(*read_cam_arrays(source, num_classes), alpha, threshold))


def write_box_seeds(
    source: Path, targets: tuple[Path, ...], box_dir: Path, class_names: Sequence[str], threshold: float
) -> None:
    """Convert one CAM file, with the boxes of the XML of the same name, to the box seeds `targets[0]`."""
    xml = box_dir / f"{source.stem}.xml"
    size, boxes = read_boxes(xml, class_names)
    classes, scores = read_cam_arrays(source, len(class_names))
    if size != scores.shape[1:]:
        raise UserError(f"{source}: scores of size {scores.shape[1:]}, but {xml} states (height, width) {size}")
    write_image(targets[0], box_seeds(classes, scores, boxes, threshold))


def cam_seeds(argv: list[str] | None = None) -> None:
    """Write the seeds of all CAM files of a folder."""
    args = _parse(argv)
    names = read_class_names(args.class_names)
    threshold = args.threshold
    if threshold is None:
        threshold = TAG_THRESHOLD if args.box_dir is None else BOX_THRESHOLD
    if args.box_dir is None:
        write = partial(write_tag_seeds, num_classes=len(names), alpha=args.alpha, threshold=threshold)
    else:
        box_dir = need_dir(args.box_dir, "--box_dir")
        write = partial(write_box_seeds, box_dir=box_dir, class_names=names, threshold=threshold)
    cams = need_files(args.cam_dir, "*.npy", "--cam_dir")
    jobs = [(cam, (args.save_dir / f"{cam.stem}.png",)) for cam in cams]
    settings = {"cam_dir": str(args.cam_dir.resolve()), "boxes": args.box_dir is not None, "class_names": names}
    settings |= {"alpha": args.alpha, "threshold": threshold}
    convert(write, jobs, args, "seeds", settings)


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="CAM files (.npy dicts of class - 1 to scores) to seed labels")
    parser.add_argument("--cam_dir", type=Path, required=True, help="folder of the CAM files, ID.npy")
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the seeds, ID.png")
    parser.add_argument("--box_dir", type=Path, help="VOC XML files, ID.xml: seeds within the boxes of the objects")
    parser.add_argument(
        "--alpha",
        type=number("--alpha", float, 0, 1000),
        default=6.0,
        help="power of the background score (1 - max)^alpha; boxes do not use it (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=number("--threshold", float, 0, 1),
        help=f"unlabelled below this score (default: {TAG_THRESHOLD}, with boxes {BOX_THRESHOLD})",
    )
    add_class_names_flag(parser)
    add_common_flags(parser)
    return parser.parse_args(argv)
