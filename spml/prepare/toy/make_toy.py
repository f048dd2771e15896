"""Writing a toy data set: pictures, truth, weak labels, over-segmentation and data lists, in the layout of VOC."""

import argparse
import io
import json
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from spml.commands.flags import number
from spml.commands.pool import map_files
from spml.data.files import atomic_path, write_image, write_text
from spml.data.lists import write_list
from spml.data.tag_files import write_tags
from spml.errors import UserError
from spml.prepare.oversegment import oversegment
from spml.prepare.toy import parts, scenes, weak_labels

SPLITS = ("train", "val")
# Raised whenever other pictures come from the same seed, so that sets on disk are made anew.
VERSION = 2
JPEG_QUALITY = 92
POINT_WIDTH = {"scenes": 7, "parts": 5}
REGION_THRESHOLD = 0.22
FOLDERS = {
    "scenes": {
        "image": "VOC2012/JPEGImages",
        "full": "VOC2012/segcls",
        "region": "VOC2012/hed",
        "point": "VOC2012/scribble/dilate_6_0.0",
        "scribble": "VOC2012/scribble/dilate_3",
        "box": "VOC2012/Annotations",
    },
    "parts": {
        "image": "images",
        "full": "segcls/full",
        "region": "seginst",
        "point": "segcls/points",
        "instance": "instances",
    },
}


def sample_name(split, number):
    """The name of a picture."""
    return f"{split}_{number:05d}"


def write_sample(job, save_dir, kind, image_size, seed):
    """Draw one picture and write all its files; returns its name and tags.

    job: split and number, which with `kind` and `seed` decide the picture, whatever else is drawn.
    """
    split, number = job
    name, folders = sample_name(split, number), FOLDERS[kind]
    rng = np.random.default_rng([seed, list(FOLDERS).index(kind), SPLITS.index(split), number])
    scene = (scenes.draw_scene if kind == "scenes" else parts.draw_figures)(rng, image_size)
    labels = {"full": scene.semantic, "point": weak_labels.label_points(rng, scene, POINT_WIDTH[kind])}
    if kind == "scenes":
        labels["scribble"] = weak_labels.label_scribbles(rng, scene)
        write_text(save_dir / folders["box"] / f"{name}.xml", weak_labels.voc_xml(name, scene, scenes.CLASS_NAMES))
    elif split == "val":
        labels["instance"] = part_instances(scene)
    image = write_jpeg(save_dir / folders["image"] / f"{name}.jpg", scene.image)
    labels["region"] = oversegment(image, threshold=REGION_THRESHOLD)
    for label, pixels in labels.items():
        write_image(save_dir / folders[label] / f"{name}.png", pixels)
    return name, weak_labels.tags(scene)


def part_instances(scene):
    """One id for each part of each figure, H×W uint8, 0 = background: what the per-instance benchmark scores."""
    pairs = scene.instance.astype(int) * 256 + scene.semantic
    return np.unique(pairs, return_inverse=True)[1].reshape(pairs.shape).astype(np.uint8)


def write_jpeg(path, image):
    """Write H×W×3 uint8 as JPEG, atomically; returns the picture that a reader of the file sees."""
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    with atomic_path(path) as partial_path:
        partial_path.write_bytes(encoded.getvalue())
    return np.array(Image.open(encoded).convert("RGB"))


def write_lists(save_dir, kind, names):
    """Write the data lists of each split and, for training, of each kind of weak label; names: {split: names}."""
    folders = FOLDERS[kind]
    for split, label in (("train", "full"), ("train", "point"), ("train", "scribble"), ("val", "full")):
        if label not in folders:
            continue
        columns = [(folders["image"], "jpg"), (folders[label], "png"), (folders["region"], "png")]
        rows = [tuple(f"{folder}/{name}.{ending}" for folder, ending in columns) for name in names[split]]
        write_list(save_dir / "lists" / (f"{split}_{label}.txt" if split == "train" else f"{split}.txt"), rows)


def make_toy(save_dir, parameters, workers=None):
    """Write a toy data set; returns False, having done nothing, where the same one is there already.

    parameters: kind ('scenes' or 'parts'), num_train, num_val, image_size, seed. They are kept in `toy.json`, which is
    written last: where it is, the set is complete.
    """
    save_dir = Path(save_dir)
    stamp = json.dumps({"version": VERSION, **parameters}, indent=2) + "\n"
    done = save_dir / "toy.json"
    if done.is_file() and done.read_text() == stamp:
        return False
    done.unlink(missing_ok=True)
    kind = parameters["kind"]
    jobs = [(split, number) for split in SPLITS for number in range(parameters[f"num_{split}"])]
    work = partial(
        write_sample, save_dir=save_dir, kind=kind, image_size=parameters["image_size"], seed=parameters["seed"]
    )
    tags = dict(map_files(work, jobs, workers, desc=f"toy {kind}"))
    write_lists(save_dir, kind, {split: [name for name in tags if name.startswith(split)] for split in SPLITS})
    write_tags(save_dir / "tags.txt", tags)
    names = scenes.CLASS_NAMES if kind == "scenes" else parts.PART_NAMES
    write_text(save_dir / "classes.txt", "".join(f"{name}\n" for name in names))
    write_text(done, stamp)
    return True


def main(argv=None):
    """Make a toy data set."""
    args = vars(_parse(argv))
    save_dir, workers = args.pop("save_dir"), args.pop("workers")
    if save_dir.exists() and not save_dir.is_dir():
        raise UserError(f"--save_dir {save_dir}: is no folder")
    made = make_toy(save_dir, args, workers)
    what = f"{args['num_train']} + {args['num_val']} pictures of toy {args['kind']}"
    print(f"{save_dir}: {what}" + ("" if made else " are already there"))


def _parse(argv):
    parser = argparse.ArgumentParser(description="Make a toy data set with truth and every kind of weak label")
    parser.add_argument("--save_dir", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--kind",
        choices=tuple(FOLDERS),
        default="scenes",
        help="scenes of textured objects, or figures of left and right parts (default: %(default)s)",
    )
    numbers = {
        "num_train": (160, 1, 99_999, "training pictures"),
        "num_val": (60, 1, 99_999, "validation pictures"),
        "image_size": (96, 64, 1024, "height and width in pixels"),
        "seed": (0, 0, 2**32 - 1, "the same seed gives the same files"),
    }
    for name, (default, low, high, text) in numbers.items():
        kind = number(f"--{name}", int, low, high)
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{text} (default: %(default)s)")
    parser.add_argument(
        "--workers",
        type=number("--workers", int, 0, 1024),
        help="number of processes (0: no extra one; default: one a core)",
    )
    return parser.parse_args(argv)
