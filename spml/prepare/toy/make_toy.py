"""Writing a toy data set: pictures, truth, weak labels, over-segmentation and data lists, in the layout of VOC."""

import json
import logging
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser, number
from spml.commands.pool import map_files
from spml.data.files import read_image, write_image, write_text
from spml.data.lists import write_list
from spml.data.tag_files import write_tags
from spml.errors import UserError
from spml.prepare.convert import add_workers_flag
from spml.prepare.oversegment import oversegment_image
from spml.prepare.toy import parts, scenes, weak_labels

logger = logging.getLogger(__name__)

TOY_SPLITS = ("train", "val")
# Raised whenever other pictures come from the same seed, so that sets on disk are made anew.
VERSION = 2
JPEG_QUALITY = 92
REGION_THRESHOLD = 0.22


@dataclass(frozen=True)
class ToyKind:
    """A kind of pictures: how one is drawn, its classes, the width of a point in pixels, the folder of each label."""

    draw: Callable[[np.random.Generator, int], scenes.Scene]
    classes: tuple[str, ...]
    point_width: int
    folders: dict[str, str]


# A kind's place seeds its pictures: new ones go to the end.
TOY_KINDS = {
    "scenes": ToyKind(
        scenes.draw_scene,
        scenes.SCENE_CLASSES,
        7,
        {
            "image": "VOC2012/JPEGImages",
            "full": "VOC2012/segcls",
            "region": "VOC2012/hed",
            "point": "VOC2012/scribble/dilate_6_0.0",
            "scribble": "VOC2012/scribble/dilate_3",
            "box": "VOC2012/Annotations",
        },
    ),
    "parts": ToyKind(
        parts.draw_figures,
        parts.TOY_PARTS,
        5,
        {
            "image": "images",
            "full": "segcls/full",
            "region": "seginst",
            "point": "segcls/points",
            "instance": "instances",
        },
    ),
}


@dataclass(frozen=True)
class ToySettings:
    """What decides a toy set, bit for bit: kind, numbers of pictures, their side in pixels, seed; kept beside it."""

    kind: str = "scenes"
    num_train: int = 160
    num_val: int = 60
    image_size: int = 96
    seed: int = 0


def make_toy(argv: list[str] | None = None) -> None:
    """Make a toy data set."""
    args = vars(_parse(argv))
    save_dir, workers = args.pop("save_dir"), args.pop("workers")
    if save_dir.exists() and not save_dir.is_dir():
        raise UserError(f"--save_dir {save_dir}: is no folder")
    settings = ToySettings(**args)
    made = write_toy_set(save_dir, settings, workers)
    what = f"{settings.num_train} + {settings.num_val} pictures of toy {settings.kind}"
    logger.info("%s: %s%s", save_dir, what, "" if made else " are already there")


def write_toy_set(save_dir: str | Path, settings: ToySettings, workers: int | None = None) -> bool:
    """Write a toy data set; returns False, having done nothing, where the same one is there already.

    The settings are kept in `toy.json`, which is written last: where it is, the set is complete.
    """
    save_dir = Path(save_dir)
    stamp = json.dumps({"version": VERSION, **asdict(settings)}, indent=2) + "\n"
    done = save_dir / "toy.json"
    if done.is_file() and done.read_bytes() == stamp.encode():
        return False
    done.unlink(missing_ok=True)
    counts = zip(TOY_SPLITS, (settings.num_train, settings.num_val), strict=True)
    jobs = [(split, number) for split, count in counts for number in range(count)]
    work = partial(write_sample, save_dir=save_dir, settings=settings)
    tags = dict(map_files(work, jobs, workers, desc=f"toy {settings.kind}"))
    kind = TOY_KINDS[settings.kind]
    write_toy_lists(save_dir, kind.folders, tags)
    write_tags(save_dir / "tags.txt", tags)
    write_text(save_dir / "classes.txt", "".join(f"{name}\n" for name in kind.classes))
    write_text(done, stamp)
    return True


def write_sample(job: tuple[str, int], save_dir: Path, settings: ToySettings) -> tuple[str, list[int]]:
    """Draw one picture and write all its files; returns its name and tags.

    job: split and number, which with kind, size and seed decide the picture, whatever else is drawn.
    """
    split, number = job
    name, kind = f"{split}_{number:05d}", TOY_KINDS[settings.kind]
    rng = np.random.default_rng([settings.seed, list(TOY_KINDS).index(settings.kind), TOY_SPLITS.index(split), number])
    scene = kind.draw(rng, settings.image_size)
    labels = {"full": scene.semantic, "point": weak_labels.label_points(rng, scene, kind.point_width)}
    if "scribble" in kind.folders:
        labels["scribble"] = weak_labels.label_scribbles(rng, scene)
    if "instance" in kind.folders and split == "val":
        labels["instance"] = part_instances(scene)
    if "box" in kind.folders:
        boxes = weak_labels.boxes_as_xml(name, scene, kind.classes)
        write_text(save_dir / kind.folders["box"] / f"{name}.xml", boxes)
    image = write_jpeg(save_dir / kind.folders["image"] / f"{name}.jpg", scene.image)
    labels["region"] = oversegment_image(image, threshold=REGION_THRESHOLD)
    for label, pixels in labels.items():
        write_image(save_dir / kind.folders[label] / f"{name}.png", pixels)
    return name, weak_labels.tags_of_scene(scene)


def part_instances(scene: scenes.Scene) -> np.ndarray:
    """One id for each part of each figure, H×W uint8, 0 = background: what the per-instance benchmark scores."""
    pairs = scene.instance.astype(int) * 256 + scene.semantic
    return np.unique(pairs, return_inverse=True)[1].reshape(pairs.shape).astype(np.uint8)


def write_jpeg(path: Path, image: np.ndarray) -> np.ndarray:
    """Write H×W×3 uint8 as JPEG, atomically; returns the picture that a reader of the file sees."""
    write_image(path, image, quality=JPEG_QUALITY, subsampling=0)
    return read_image(path)


def write_toy_lists(save_dir: Path, folders: dict[str, str], names: Iterable[str]) -> None:
    """Write the data lists of each split and, for training, of each kind of weak label."""
    for split, label in (("train", "full"), ("train", "point"), ("train", "scribble"), ("val", "full")):
        if label not in folders:
            continue
        columns = [(folders["image"], "jpg"), (folders[label], "png"), (folders["region"], "png")]
        listed = [name for name in names if name.startswith(split)]
        rows = [tuple(f"{folder}/{name}.{ending}" for folder, ending in columns) for name in listed]
        write_list(save_dir / "lists" / (f"{split}_{label}.txt" if split == "train" else f"{split}.txt"), rows)


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="Make a toy data set with truth and every kind of weak label")
    parser.add_argument("--save_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--kind",
        choices=tuple(TOY_KINDS),
        default=ToySettings.kind,
        help="scenes of textured objects, or figures of left and right parts (default: %(default)s)",
    )
    numbers = {
        "num_train": (1, 99_999, "training pictures"),
        "num_val": (1, 99_999, "validation pictures"),
        "image_size": (64, 1024, "height and width in pixels"),
        "seed": (0, 2**32 - 1, "the same seed gives the same files"),
    }
    for name, (low, high, text) in numbers.items():
        kind = number(f"--{name}", int, low, high)
        parser.add_argument(
            f"--{name}", type=kind, default=getattr(ToySettings, name), help=f"{text} (default: %(default)s)"
        )
    add_workers_flag(parser)
    return parser.parse_args(argv)
