"""Every reader of files on honest files that were cut, changed and stretched: a result or a UserError, nothing else."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from mutants import outcomes
from PIL import Image
from safetensors.torch import save_file
from scipy.io import savemat

from spml.commands.run_record import RunRecord
from spml.commands.score_files import read_class_scores, read_mean_iou
from spml.config import load_config
from spml.data.arrays import read_npy, read_npz
from spml.data.cam_files import read_cam, write_cam
from spml.data.class_names import VOC_CLASSES, read_class_names
from spml.data.images import image_size, read_image, read_label
from spml.data.lists import read_list
from spml.data.prototype_files import read_prototypes
from spml.data.tag_files import read_tags
from spml.errors import UserError
from spml.models.weights import load_file
from spml.recipes.records import read_record
from spml.visualize import load_palette, voc_palette

pytestmark = pytest.mark.slow  # thousands of broken files

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = 120
RUN = {"script": "a", "values": [1, 2.5], "--crf": None}
STAGE = {"state": "complete", "settings": {"script": "a"}, "outputs": {"$OUT/a": 3}}
SCORES = {"mean_iou": 71.5, "iou": [1, 50.5], "classes": ["a", "b"], "left_out": [0]}
ODD_JSON = ["null", "1", '"x"', "[]", "[[]]", "{}", "9" * 5000, "[" * 100_000, "[" * 900 + "]" * 900, "NaN", "1e999"]
WEIGHTS = {"conv1.weight": torch.eye(3), "bn1.bias": torch.arange(4)}


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


def save_weights(path, **options):
    torch.save({"state_dict": WEIGHTS, "iteration": 3}, path, **options)


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
    "weights": Kind("a.pth", save_weights, load_file),
    "older weights": Kind("a.pth", lambda path: save_weights(path, _use_new_zipfile_serialization=False), load_file),
    "safe weights": Kind("a.safetensors", lambda path: save_file(WEIGHTS, path), load_file),
    "record of a run": Kind("run.json", save_text(json.dumps(RUN)), lambda p: RunRecord(p.parent, RUN, True).compare()),
    "record of a stage": Kind("a.json", save_text(json.dumps(STAGE)), lambda path: read_record(path.parent, path.stem)),
    "scores of classes": Kind("a.json", save_text(json.dumps(SCORES)), read_class_scores),
    "score": Kind("a.json", save_text(json.dumps({"mean_iou": 71.5, "iou": [1, None]})), read_mean_iou),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_broken_file_gives_a_result_or_one_line(tmp_path, kind):
    path = tmp_path / kind.name
    kind.write(path)
    assert outcomes(path, kind.read, random.Random(kind.name), MUTANTS)["refused"] > MUTANTS / 20


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.name.endswith(".json")])
def test_json_of_any_form_gives_a_result_or_one_line(tmp_path, name):
    kind, refused = KINDS[name], 0
    path = tmp_path / kind.name
    kind.write(path)
    honest = json.loads(path.read_text())
    parts = [json.dumps({**honest, key: "@"}).replace('"@"', odd) for key in honest for odd in ODD_JSON]
    for text in (*ODD_JSON, *parts):
        path.write_text(text)
        try:
            kind.read(path)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 2000
    assert refused >= len(ODD_JSON)
