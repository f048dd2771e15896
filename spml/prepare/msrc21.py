"""MSRC-21: the raw `.bmp` and `.mat` files -> images, masks, instances, points, scribbles, boxes, tags and lists.

The MSRC object class image database v2 (Shotton et al. 2006) with the cleaned-up segments of Malisiewicz and Efros
(BMVC 2007). Horse and mountain, which a handful of images show, are void, as is usual.
"""

import argparse
import logging
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, number
from spml.commands.pool import map_files
from spml.data.files import image_size, need_dir, write_image, write_text
from spml.data.labels import VOID
from spml.data.mat_files import MatArray, read_mat
from spml.errors import UserError, few_of
from spml.prepare.convert import add_common_flags, convert, need_files
from spml.prepare.msrc21_lists import SPLITS, scene_of, write_tables
from spml.prepare.msrc21_marks import draw_dots, draw_strokes
from spml.prepare.toy.weak_labels import boxes_as_xml, visible_regions

logger = logging.getLogger(__name__)

# In the order of the raw labels, which count from 1.
_RAW_CLASSES = (
    "building", "grass", "tree", "cow", "horse", "sheep", "sky", "mountain", "aeroplane", "water", "face", "car",
    "bicycle", "flower", "sign", "bird", "book", "chair", "road", "cat", "dog", "body", "boat",
)  # fmt: skip
_LEFT_OUT = ("horse", "mountain")
MSRC21_CLASSES = tuple(name for name in _RAW_CLASSES if name not in _LEFT_OUT)
_CLASS_OF_RAW = np.array([VOID if name in _LEFT_OUT else MSRC21_CLASSES.index(name) for name in _RAW_CLASSES], np.uint8)

# A segment of fewer pixels is no instance and gets no mark; most are slips of the annotation.
SMALLEST_SEGMENT = 150
_JPEG_QUALITY = 95
_SUFFIX = "_GT.mat"
_TARGETS = (
    "images/{}.jpg", "masks/{}.png", "instances/{}.png", "points/{}.png", "scribbles/{}.png", "boxes/{}.xml",
)  # fmt: skip


def read_msrc21(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Class ids and segment ids, each H×W uint8 with 255 for void, of a raw `ID_GT.mat`.

    `newseg` holds H×W segment numbers from 1, `newlabels` the raw class of each; segments beyond the last label, of
    label 0, or of a class that is left out are void. Segments of at least SMALLEST_SEGMENT pixels are counted from 0 in
    their order. Raises UserError where the file is missing, broken, or holds anything else.
    """
    numbers, raw = _read_arrays(path)
    class_of_number = np.full(256, VOID, np.uint8)
    class_of_number[1 : raw.size + 1] = np.where(raw > 0, _CLASS_OF_RAW[raw - 1], VOID)
    mask = class_of_number[numbers]
    large = [n for n in np.unique(numbers[mask != VOID]) if (numbers == n).sum() >= SMALLEST_SEGMENT]
    id_of_number = np.full(256, VOID, np.uint8)
    id_of_number[large] = np.arange(len(large))
    return mask, id_of_number[numbers]


def _read_arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """`newseg` [H, W] and `newlabels` [n] as whole numbers."""
    content = read_mat(path)
    newseg, newlabels = (_array_in(content, name, path) for name in ("newseg", "newlabels"))
    arrays = newseg, newlabels.ravel()
    for name, array, dimensions, most in zip(
        ("newseg", "newlabels"), arrays, (2, 1), (VOID, len(_RAW_CLASSES)), strict=True
    ):
        if array.ndim != dimensions or not array.size:
            raise _no_array(name, path)
        if not (
            np.isfinite(array).all() and (array == np.rint(array)).all() and 0 <= array.min() <= array.max() <= most
        ):
            raise UserError(f"{path}: {name} holds {array.min()}..{array.max()}; expected whole numbers up to {most}")
    if arrays[1].size > VOID:
        raise UserError(f"{path}: newlabels has {arrays[1].size} entries; expected {VOID} at most")
    return arrays[0].astype(int), arrays[1].astype(int)


def _array_in(content: dict[str, MatArray], name: str, path: Path) -> np.ndarray:
    found = content.get(name)
    if not isinstance(found, np.ndarray):
        raise _no_array(name, path)
    return found


def _no_array(name: str, path: Path) -> UserError:
    return UserError(f"{path}: {name} is no array of numbers; expected those of MSRC-21")


def split_of(name: str) -> str:
    """The split of an image SCENE_NUMBER_s: of each scene every third is test, every ninth (1, 10, ...) is val."""
    place = _key(name)[1]
    return "test" if place % 3 == 0 else "val" if place % 9 == 1 else "train"


def _key(name: str) -> tuple[int, int]:
    """Scene and number of an image."""
    found = re.fullmatch(r"(\d{1,6})_(\d{1,6})_s", name, re.ASCII)
    if found is None:
        raise UserError(f"{name}: is no image of MSRC-21; expected a name like 1_10_s")
    return int(found[1]), int(found[2])


def find_tags(source: tuple[Path, Path]) -> list[int]:
    """The classes that an image shows; source: its image and `.mat`, which are checked to be of one size."""
    image, mat = source
    mask, _ = read_msrc21(mat)
    if mask.shape != image_size(image):
        raise UserError(f"{mat}: is for {mask.shape[1]}×{mask.shape[0]} pixels, but {image} has another size")
    return [int(label) for label in np.unique(mask) if label != VOID]


def write_photograph(source: tuple[Path, Path], targets: Sequence[Path], seed: int) -> None:
    """Write image, mask, instances, points, scribbles and boxes of one pair of raw files, in the order of `targets`."""
    image, mat = source
    mask, instances = read_msrc21(mat)
    scene = scene_of(image, mask, instances)
    rng, regions = np.random.default_rng([seed, *_key(image.stem)]), visible_regions(scene)
    labels = mask, instances, draw_dots(rng, mask.shape, regions), draw_strokes(rng, mask.shape, regions)
    write_image(targets[0], scene.image, quality=_JPEG_QUALITY)
    for target, label in zip(targets[1:-1], labels, strict=True):
        write_image(target, label)
    write_text(targets[-1], boxes_as_xml(image.stem, scene, MSRC21_CLASSES))


def find_pairs(data_dir: Path) -> dict[str, tuple[Path, Path]]:
    """The raw files of each image, by its name: `Images/ID.bmp` and `newsegmentations_mats/ID_GT.mat`.

    Warns of what has no partner. Raises UserError where a folder is missing or holds none, or nothing fits together.
    """
    image_dir, mat_dir = data_dir / "Images", data_dir / "newsegmentations_mats"
    images = {path.stem: path for path in need_files(image_dir, "*.bmp", "--data_dir")}
    mats = {path.name.removesuffix(_SUFFIX): path for path in need_files(mat_dir, f"*{_SUFFIX}", "--data_dir")}
    pairs = {name: (images[name], mats[name]) for name in sorted(images.keys() & mats.keys(), key=_key)}
    if not pairs:
        raise UserError(f"--data_dir {data_dir}: no ID.bmp in Images has its ID{_SUFFIX} in newsegmentations_mats")
    _warn(f"no .mat in {mat_dir}", images.keys() - mats.keys())
    _warn(f"no image in {image_dir}", mats.keys() - images.keys())
    return pairs


def _warn(what: str, names: Iterable[str]) -> None:
    if names := sorted(names):
        logger.warning("%d left out, with %s: %s", len(names), what, few_of(names))


def msrc21(argv: Sequence[str] | None = None) -> None:
    """Convert the raw MSRC-21; everything is read and checked before anything is written."""
    args = _parse(argv)
    pairs = find_pairs(need_dir(args.data_dir, "--data_dir"))
    found = dict(zip(pairs, map_files(find_tags, pairs.values(), args.workers, "checks"), strict=True))
    tags = {name: labels for name, labels in found.items() if labels}
    _warn("nothing but void", found.keys() - tags.keys())
    jobs = [(pairs[name], tuple(args.save_dir / folder.format(name) for folder in _TARGETS)) for name in tags]
    convert(partial(write_photograph, seed=args.seed), jobs, args, "MSRC-21", {"seed": args.seed})
    splits = {split: [name for name in tags if split_of(name) == split] for split in SPLITS}
    write_tables(args.save_dir, MSRC21_CLASSES, tags, splits)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        description="Raw MSRC-21 to images, masks, instances, points, scribbles, boxes, tags and data lists"
    )
    parser.add_argument(
        "--data_dir", type=Path, required=True, help="holds Images/ID.bmp and newsegmentations_mats/ID_GT.mat"
    )
    parser.add_argument("--save_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--seed",
        type=number("--seed", int, 0, 2**32 - 1),
        default=0,
        help="the same seed gives the same points and scribbles (default: %(default)s)",
    )
    add_common_flags(parser)
    return parser.parse_args(argv)
