"""The recipes for photographs in miniature: one's own, with points and tags, and the raw MSRC-21."""

import json
import shutil

import pytest
from photo_data import MSRC_IDS, msrc_tree, own_tree

from spml.data.files import image_size, read_label

pytestmark = pytest.mark.slow  # starts processes

TINY = (
    "num_threads 0 network.backbone_types panoptic_deeplab_tiny network.pretrained '' network.embedding_dim 8 "
    "train.max_iteration 2 train.snapshot_step 1 train.batch_size 2 train.crop_size [48,48] test.crop_size [64,64] "
    "test.stride [64,64] network.kmeans_iterations 2 test.scales [1,1.5]"
)
SETTINGS = {"OPTS": TINY, "CONTOURS": "image"}


def mean_iou(folder, name):
    return json.loads((folder / f"out/scores/{name}.json").read_text())["mean_iou"]


@pytest.fixture(scope="module")
def own_run(tmp_path_factory, forge):
    """One's own photographs from points and tags, and how the recipe ended on them."""
    folder = tmp_path_factory.mktemp("own")
    own_tree(folder / "my photos")
    return folder, forge.run(["own", "any"], DATAROOT=str(folder / "my photos"), OUT=str(folder / "out"), **SETTINGS)


def test_own_photographs_become_masks_of_all_images_and_a_table(own_run):
    folder, done = own_run
    assert done.returncode == 0, done
    for name in ("embedding", "final", "final_msc_crf", "weak_only"):
        assert 0 <= mean_iou(folder, name) < 60
    assert "cross-entropy on the labels alone" in (folder / "out/table.md").read_text()
    assert "street.5" in (folder / "out/report.html").read_text()
    images = sorted((folder / "my photos/images").iterdir())
    masks = sorted((folder / "out/masks/final_msc_crf/semantic_gray").iterdir())
    assert [mask.stem for mask in masks] == [image.stem for image in images]
    assert [read_label(mask).shape for mask in masks] == [image_size(image) for image in images]
    lists = folder / "my photos/prepared/lists"
    assert [line.split("/")[-1] for line in (lists / "seeds.txt").read_text().split() if "labels" in line] == [
        "street.3.png", "street.4.png",
    ]  # fmt: skip
    assert (lists / "val.txt").read_text() == "images/street.5.jpg\n"
    assert (read_label(folder / "out/labels/street.3.png") < 6).any()  # seeds where there were tags alone


def test_own_photographs_go_on_and_share_what_is_prepared(own_run, forge):
    folder, _ = own_run
    settings = {"DATAROOT": str(folder / "my photos"), **SETTINGS}
    done = forge.run(["own", "any"], OUT=str(folder / "out"), **settings)
    assert done.returncode == 0 and "train.py" not in done.stdout and done.stdout.count(": complete") == 17, done
    done = forge.run(["own", "any"], OUT=str(folder / "other"), TO="regions", **settings)
    assert done.returncode == 0, done
    done = forge.run(["own", "any"], OUT=str(folder / "out"), **{**settings, "OPTS": f"{TINY} train.base_lr 0.1"})
    assert done.returncode == 1 and "train.base_lr was 0.005, is 0.1" in done.stderr


@pytest.mark.training
def test_own_photographs_without_truth_or_seeds_and_a_classifier(tmp_path, forge):
    own_tree(tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos/truth")
    (tmp_path / "photos/annotations/tags.txt").unlink()
    options = f"{TINY} train.second_stage classifier"
    settings = {**SETTINGS, "OPTS": options, "DATAROOT": str(tmp_path / "photos"), "OUT": str(tmp_path / "out")}
    done = forge.run(["own", "any"], TO="final", **settings)
    assert done.returncode == 0, done
    assert "== cam_network: not needed" in done.stdout and "train_classifier.py" in done.stdout
    assert not (tmp_path / "out/scores").exists()
    assert len(list((tmp_path / "out/masks/final/semantic_gray").iterdir())) == 6


@pytest.mark.training
@pytest.mark.parametrize("recipe", [("own", "any"), ("msrc21", "tag")])
def test_photo_recipes_killed_in_every_command_end_as_one_that_was_not(recipe, tmp_path, forge):
    make_tree = own_tree if recipe[0] == "own" else msrc_tree
    marks, folders = tmp_path / "killed", [tmp_path / "whole", tmp_path / "killed_run"]
    for folder in (marks, *folders):
        folder.mkdir()
    for folder in folders:
        make_tree(folder / "raw")
    places = [
        {"DATAROOT": str(folder / "raw"), "DATA": str(folder / "data"), "OUT": str(folder / "out"), **SETTINGS}
        for folder in folders
    ]
    assert forge.run(list(recipe), **places[0]).returncode == 0
    kills = 0
    while (done := forge.run(list(recipe), marks, **places[1])).returncode == -9:
        kills += 1
        assert kills == len(list(marks.iterdir())), "a command was killed twice"
    assert done.returncode == 0 and kills > 10, done
    for place in ("out", "data", "raw"):
        results = [{p.relative_to(f / place): p for p in (f / place).rglob("*") if is_result(p)} for f in folders]
        assert [*sorted(results[0])] == [*sorted(results[1])]
        assert [name for name, path in results[0].items() if path.read_bytes() != results[1][name].read_bytes()] == []


def is_result(path):
    """Masks, label maps, scores, lists, and what is half written: all but records, which name times and folders."""
    kept = path.suffix in (".png", ".txt", ".xml") or path.parent.name == "scores"
    return path.is_file() and kept


@pytest.mark.training
@pytest.mark.parametrize("kind", ["point", "box"])
def test_msrc21_from_its_raw_files_to_a_table(kind, tmp_path, forge):
    msrc_tree(tmp_path / "raw")
    places = {"DATAROOT": str(tmp_path / "raw"), "DATA": str(tmp_path / "data"), "OUT": str(tmp_path / "out")}
    done = forge.run(["msrc21", kind], **places, **SETTINGS)
    assert done.returncode == 0, done
    for name in ("pseudo_stage_1", "classifier", "repeat", "final_msc_crf", "self_training", "full"):
        assert 0 <= mean_iou(tmp_path, name) < 100
    assert {path.stem for path in (tmp_path / "out/pseudo/stage_1/semantic_gray").iterdir()} == {*MSRC_IDS["train"]}
    done = forge.run(["msrc21", kind], SPLIT="test", **places, **SETTINGS)
    assert done.returncode == 0 and "train.py" not in done.stdout and "MSRC-21 test" in done.stdout, done
    assert {path.stem for path in (tmp_path / "out/test/full/semantic_gray").iterdir()} == {*MSRC_IDS["test"]}


def test_msrc21_that_is_converted_gets_what_it_lacks(tmp_path, forge):
    msrc_tree(tmp_path / "raw")
    places = {"DATA": str(tmp_path / "data"), "OUT": str(tmp_path / "out"), "TO": "regions", **SETTINGS}
    done = forge.run(["msrc21", "tag"], **places)
    assert done.returncode == 1 and "DATAROOT is not set: name the folder that holds Images/*.bmp" in done.stderr
    assert forge.run(["msrc21", "tag"], DATAROOT=str(tmp_path / "raw"), **places).returncode == 0
    data = tmp_path / "data"
    before = {
        path: path.read_text() for path in [*data.glob("*.txt"), *data.glob("lists/*"), *data.glob("boxes/*.xml")]
    }
    for path in (data / "lists", data / "boxes", data / "masks/2_3_s.png", data / "tags.txt", tmp_path / "out"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = forge.run(["msrc21", "tag"], **places)
    assert done.returncode == 0, done
    changed = {path.relative_to(data).as_posix() for path, text in before.items() if not same(path, text)}
    assert changed == {"tags.txt", "boxes/2_3_s.xml"}  # what is known of the test image


def same(path, text):
    return path.is_file() and path.read_text() == text
