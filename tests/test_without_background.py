"""From annotations of a data set without a background to scores, in miniature: tags, boxes and points mixed."""

import json

import numpy as np
import pytest
import yaml

from spml.commands.benchmark import benchmark_by_mIoU
from spml.commands.cam import cam
from spml.commands.inference import inference_softmax
from spml.commands.pseudo import pseudo_camrw_crf, pseudo_softmaxrw_crf
from spml.commands.train import train_cam, train_classifier, train_embedding
from spml.data.files import read_label, write_image
from spml.data.tag_files import read_tags
from spml.errors import UserError
from spml.prepare.annotations.annotations import annotations
from spml.prepare.cam_seeds import cam_seeds

NAMES = ("grass", "cow", "sky", "horse")  # no photograph shows a horse
COLOURS = np.array([[40, 160, 40], [120, 70, 30], [90, 150, 240]])
BOX = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def draw_photograph(rng):
    """Sky above grass, and a cow on it: image and truth, 40 pixels square."""
    truth = np.full((40, 40), 2, np.uint8)
    truth[16:] = 0
    left = int(rng.integers(4, 16))
    truth[14:30, left : left + 16] = 1
    image = COLOURS[truth] + rng.integers(-25, 26, (40, 40, 3))
    return image.clip(0, 255).astype(np.uint8), truth, left


def point(label, x, y):
    return {"label": label, "points": [[x, y]], "shape_type": "point", "flags": {}}


@pytest.fixture
def photographs(tmp_path):
    """Photographs a, b with boxes, c with tags, d with points; their truth."""
    rng, lines = np.random.default_rng(0), []
    for name in "abcd":
        image, truth, left = draw_photograph(rng)
        write_image(tmp_path / f"images/{name}.png", image)
        write_image(tmp_path / f"truth/{name}.png", truth)
        write_image(tmp_path / f"prepared/regions/{name}.png", truth)
        if name in "ab":
            boxes = BOX.format("cow", left + 1, 15, left + 16, 30) + BOX.format("grass", 1, 17, 40, 40)
            text = f"<annotation><filename>{name}.png</filename>{boxes}</annotation>"
            (tmp_path / f"annotations/{name}.xml").parent.mkdir(exist_ok=True)
            (tmp_path / f"annotations/{name}.xml").write_text(text)
        lines.append(f"{name} sky grass cow" if name in "ac" else "")
    shapes = [point("sky", 20, 5), point("grass", 2, 36), point("cow", left + 8, 22)]
    labelme = {"version": "5", "flags": {}, "shapes": shapes, "imagePath": "d.png", "imageHeight": 40, "imageWidth": 40}
    (tmp_path / "annotations/d.json").write_text(json.dumps(labelme))
    (tmp_path / "annotations/tags.txt").write_text("\n".join(filter(None, lines)) + "\n")
    (tmp_path / "classes.txt").write_text("\n".join(NAMES) + "\n")
    return tmp_path


@pytest.fixture
def stage(photographs, tiny_yaml):
    """Runs a script with the configuration of a kind of training, into a folder of that name."""
    common = {"num_classes": 4, "background": "none", "tags_file": str(photographs / "prepared/tags.txt")}
    train, test = {"max_iteration": 4, "base_lr": 0.01}, {"crop_size": [40, 40], "stride": [40, 40]}

    def call(script, kind, folder, *flags):
        text = tiny_yaml(network={"prediction_types": kind}, dataset=common, train=train, test=test)
        (photographs / f"{kind}.yaml").write_text(text)
        where = ["--data_dir", photographs, "--data_list", photographs / "prepared/train.txt"]
        words = ["--cfg_path", photographs / f"{kind}.yaml", *where, "--device", "cpu", *folder, *flags]
        script([str(word) for word in words])

    return call


def labels_in(folder):
    return {path.stem: read_label(path) for path in sorted(folder.glob("*.png"))}


@pytest.mark.slow
def test_from_tags_boxes_and_points_without_a_background_to_scores(photographs, stage):
    p = photographs
    words = ["--annotations", p / "annotations", "--image_dir", p / "images", "--classes", p / "classes.txt"]
    annotations([str(word) for word in [*words, "--save_dir", p / "prepared", "--workers", 0]])
    assert read_tags(p / "prepared/tags.txt", 4, first=0) == {
        "a": (0, 1, 2),
        "b": (0, 1),
        "c": (0, 1, 2),
        "d": (0, 1, 2),
    }

    stage(train_cam, "cam", ["--snapshot_dir", p / "cam"])
    stage(cam, "cam", ["--snapshot_dir", p / "cam", "--save_dir", p / "cams"])
    assert sorted(np.load(p / "cams/b.npy", allow_pickle=True).item()) == [0, 1]
    words = ["--cam_dir", p / "cams", "--box_dir", p / "prepared/boxes", "--label_dir", p / "prepared/labels"]
    words += ["--partial_boxes", "--class_names", p / "prepared/classes.txt", "--save_dir", p / "seeds", "--workers", 0]
    with pytest.raises(UserError, match="written with dataset.background none, but is read with 0"):
        cam_seeds([str(word) for word in [*words, "--background", "0"]])
    cam_seeds([str(word) for word in words])
    seeds, given = labels_in(p / "seeds"), labels_in(p / "prepared/labels")
    assert set(seeds) == set("abcd") and (seeds["d"][given["d"] < 4] == given["d"][given["d"] < 4]).all()
    assert (seeds["b"][:14] == 254).all()  # no box, and no tag beside those of the boxes
    assert {value for seed in seeds.values() for value in np.unique(seed)} <= {0, 1, 2, 254}

    seeded = ["--semantic_dir", p / "seeds"]
    stage(train_embedding, "segsort", ["--snapshot_dir", p / "embedding"], *seeded)
    embedding = ["--snapshot_dir", p / "embedding"]
    stage(
        pseudo_camrw_crf, "segsort", [*embedding, "--save_dir", p / "walked", "--workers", 0], "--cam_dir", p / "cams"
    )
    stage(pseudo_softmaxrw_crf, "segsort", [*embedding, "--save_dir", p / "pseudo", "--workers", 0], *seeded)
    for folder, known in (("walked", {0, 1}), ("pseudo", set(np.unique(seeds["b"])) - {254})):
        assert set(np.unique(read_label(p / folder / "semantic_gray/b.png"))) <= known

    pseudo = ["--semantic_dir", p / "pseudo/semantic_gray", "--opts", "network.pretrained", p / "embedding"]
    stage(train_classifier, "softmax_classifier", ["--snapshot_dir", p / "classifier"], *pseudo)
    masks = ["--snapshot_dir", p / "classifier", "--save_dir", p / "masks"]
    stage(inference_softmax, "softmax_classifier", masks)
    words = ["--pred_dir", p / "masks/semantic_gray", "--gt_dir", p / "truth", "--num_classes", 4, "--workers", 0]
    words += ["--class_names", p / "classes.txt", "--leave_out_absent", "--json", p / "scores.json"]
    benchmark_by_mIoU([str(word) for word in words])
    scores = json.loads((p / "scores.json").read_text())
    assert scores["left_out"] == [3] and scores["mean_iou"] == pytest.approx(np.mean(scores["iou"][:3]))


def test_the_merged_configuration_says_that_there_is_no_background(photographs, stage):
    (photographs / "prepared").mkdir(exist_ok=True)
    (photographs / "prepared/tags.txt").write_text("a 0\n")
    (photographs / "prepared/train.txt").write_text("images/a.png\n")
    stage(train_cam, "cam", ["--snapshot_dir", photographs / "cam"])
    merged = yaml.safe_load((photographs / "cam/config_merged.yaml").read_text())
    assert merged["dataset"]["background"] == "none"
