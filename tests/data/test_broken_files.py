"""Every reader of files on honest files that were cut, changed and stretched: a result or a UserError, nothing else."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from spml.commands.score_files import read_mean_iou
from spml.config import load_config
from spml.data.arrays import read_npy, read_npz
from spml.data.cam_files import read_cam, write_cam
from spml.data.class_names import VOC_CLASSES, read_class_names
from spml.data.images import image_size, read_image, read_label
from spml.data.lists import read_list
from spml.data.prototype_files import read_prototypes
from spml.data.tag_files import read_tags
from spml.errors import UserError
from spml.visualize import load_palette, voc_palette

pytestmark = pytest.mark.slow  # thousands of broken files

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = 120
TELLING = (0, 1, 0x7F, 0x80, 0xFF, ord("\n"), ord("0"), ord("-"), ord("{"), ord("'"), ord("*"), ord("!"))


def mutate(content, rng):
    """Honest bytes with one to four changes: a cut, a changed, missing, repeated or strange piece."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1) if rng.random() < 0.7 else rng.randrange(min(len(content), 80) + 1)
        length = rng.choice((1, 1, 1, 2, 4, 16))
        strange = bytes(rng.choice(TELLING) if rng.random() < 0.5 else rng.randrange(256) for _ in range(length))
        piece = {
            "change": strange,
            "remove": b"",
            "insert": strange + content[place : place + length],
            "repeat": content[place : place + length] * 2,
        }
        content[place : place + length] = piece[rng.choice(sorted(piece))]
        if rng.random() < 0.15:
            del content[rng.randrange(len(content) + 1) :]
    return bytes(content)


def scene(mode="RGB"):
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 255, (6, 5, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def save_scene(path, mode="RGB", **options):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(mode).save(path, exif=exif, **options)


def save_palette_label(path, **options):
    label = Image.fromarray((np.arange(320).reshape(16, 20) % 21).astype(np.uint8))
    label.putpalette(voc_palette().tobytes())
    label.save(path, **options)


def save_text(text):
    return lambda path: path.write_text(text, encoding="utf-8")


def save_deep_grey(path):
    Image.fromarray(np.arange(320, dtype=np.uint16).reshape(16, 20) * 100).save(path)


def save_prototypes(path):
    content = {"prototype": np.eye(4, dtype=np.float32), "prototype_label": np.arange(4)}
    np.savez(path, **content) if path.suffix == ".npz" else np.save(path, content, allow_pickle=True)


def save_small_cam(path):
    write_cam(path, {1: np.full((4, 5), 0.5, np.float32), 3: np.eye(4, 5, dtype=np.float32)})


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, how an honest one is written, how it is read."""

    name: str
    write: object
    read: object


KINDS = {
    "photograph": Kind("a.jpg", save_scene, read_image),
    "size of a photograph": Kind("a.jpg", save_scene, image_size),
    "transparent image": Kind("a.png", lambda path: save_scene(path, "RGBA"), read_image),
    "deep grey image": Kind("a.png", save_deep_grey, read_image),
    "bitmap": Kind("a.bmp", lambda path: scene().save(path), read_image),
    "tiff": Kind("a.tif", save_scene, read_image),
    "compressed tiff": Kind("a.tif", lambda path: save_scene(path, compression="tiff_deflate"), read_image),
    "size of a tiff": Kind("a.tif", save_scene, image_size),
    "webp": Kind("a.webp", save_scene, read_image),
    "gif": Kind("a.gif", lambda path: scene("P").save(path), read_image),
    "cmyk": Kind("a.jpg", lambda path: scene("CMYK").save(path), read_image),
    "grey label": Kind("a.png", lambda path: scene("L").save(path), read_label),
    "one-bit label": Kind("a.png", lambda path: scene("1").save(path), read_label),
    "palette label": Kind("a.png", save_palette_label, read_label),
    "bitmap label": Kind("a.bmp", save_palette_label, read_label),
    "tiff label": Kind("a.tif", save_palette_label, read_label),
    "gif label": Kind("a.gif", save_palette_label, read_label),
    "npy": Kind("a.npy", lambda path: np.save(path, np.arange(20.0).reshape(4, 5)), read_npy),
    "pickled npy": Kind("a.npy", save_prototypes, read_npy),
    "npz": Kind("a.npz", save_prototypes, read_npz),
    "compressed npz": Kind("a.npz", lambda path: np.savez_compressed(path, a=np.eye(9)), read_npz),
    "prototypes": Kind("a.npz", save_prototypes, lambda path: read_prototypes(path, 4)),
    "published prototypes": Kind("a.npy", save_prototypes, lambda path: read_prototypes(path, 4)),
    "activation maps": Kind("a.npy", save_small_cam, lambda path: read_cam(path, 5, (4, 5))),
    "data list": Kind(
        "list.txt", save_text("i/a.jpg s/a.png r/a.png\nlist.txt list.txt list.txt\n"), lambda p: read_list(p.parent, p)
    ),
    "tags": Kind("tags.txt", save_text("a 1 2\nb\nc 4\n"), lambda path: read_tags(path, 5)),
    "class names": Kind("names.txt", save_text("\n".join(VOC_CLASSES)), read_class_names),
    "palette": Kind("map.mat", lambda path: savemat(path, {"map": voc_palette() / 255}), load_palette),
    "configuration": Kind("a.yaml", save_text((ROOT / "configs" / "toy" / "point.yaml").read_text()), load_config),
    "configuration of all": Kind("a.yaml", save_text((ROOT / "configs/densepose/point.yaml").read_text()), load_config),
    "score": Kind("a.json", save_text(json.dumps({"mean_iou": 71.5, "iou": [1, None]})), read_mean_iou),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_broken_file_gives_a_result_or_one_line(tmp_path, kind):
    path = tmp_path / kind.name
    kind.write(path)
    honest, refused = path.read_bytes(), 0
    rng = random.Random(kind.name)
    for _ in range(MUTANTS):
        content = mutate(honest, rng)
        path.write_bytes(content)
        try:
            kind.read(path)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 2000
        except BaseException as error:
            raise AssertionError(f"{type(error).__name__} for {content!r}") from error
    assert refused > MUTANTS / 20
