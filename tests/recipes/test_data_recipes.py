"""The VOC and DensePose recipes on small data in the published forms, prepared by the commands of the README."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from raw_data import densepose_tree, voc_tree
from sourcing import RECIPES, ROOT, bash

TINY = {
    "OPTS": "num_threads 0 train.max_iteration 2 train.snapshot_step 1 train.batch_size 2 train.crop_size [64,64] "
    "network.use_syncbn false network.pretrained '' test.image_size 96 test.crop_size [96,96] test.stride [96,96]"
}
VOC_TINY = {"OPTS": f"{TINY['OPTS']} network.backbone_types panoptic_deeplab_tiny test.scales [1]"}
PARTS_TINY = {"OPTS": f"{TINY['OPTS']} network.backbone_types panoptic_pspnet_tiny"}


def readme_commands(*scripts):
    """The data-preparation commands of the README that call these scripts, in their order there."""
    commands = re.findall(r"`python (pyscripts/data/\S+ [^`]+)`", (ROOT / "README.md").read_text())
    return [c for c in commands if re.match(r"pyscripts/data/(\w+)", c)[1] in scripts and "--download" not in c]


def run_commands(commands, root, folder):
    for command in commands:
        done = bash(f'cd {ROOT} && "$SPML_PYTHON" {command}', folder, DATAROOT=str(root), PYTHONPATH=str(ROOT))
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    """VOC from raw annotations, prepared by the README's commands; the ids of its splits."""
    folder = tmp_path_factory.mktemp("voc")
    ids = voc_tree(folder / "data")
    commands = readme_commands("voc_masks", "oversegment", "scribbles", "image_tags")
    run_commands([c for c in commands if "train2014" not in c], folder / "data", folder)
    return folder / "data", ids


def source_voc(recipe, voc, folder, **variables):
    """Source a VOC recipe with a tiny network on two iterations a stage."""
    variables = {**VOC_TINY, "DATAROOT": str(voc[0]), "LISTS": str(folder / "lists"), **variables}
    return bash(f"source {RECIPES}/voc12/train_spml_{recipe}.sh", folder, **variables)


def mean_iou(folder, name):
    return json.loads((folder / f"out/scores/{name}.json").read_text())["mean_iou"]


def test_the_prepared_data_is_right_and_in_its_place(voc):
    root, ids = voc
    for name in [*ids["train"], *ids["val"]]:
        truth = np.array(Image.open(root / f"VOC2012/segcls/{name}.png"))
        assert set(np.unique(truth)) <= {0, 1, 3, 8, 12, 15}
        scribbles = np.array(Image.open(root / f"VOC2012/scribble/dilate_3/{name}.png"))
        marked = scribbles < 21
        assert 0 < marked.mean() < 0.5 and (scribbles[marked] == truth[marked]).mean() > 0.5
        assert (root / f"VOC2012/hed/{name}.png").is_file()
    assert len((root / "tags.txt").read_text().splitlines()) == len(ids["train"] + ids["val"])


def test_voc_from_points_to_masks_for_the_server(voc, tmp_path):
    done = source_voc("point", voc, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "73.2 / 74.0" in done.stdout and "final classifier, multi-scale + flip + CRF" in done.stdout
    assert 0 <= mean_iou(tmp_path, "final_msc_crf") <= 100
    lines = (tmp_path / "lists/train_point.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [f"VOC2012/JPEGImages/{name}.jpg" for name in voc[1]["train"]]
    done = source_voc("point", voc, tmp_path, SPLIT="test")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "out/test/final_msc_crf/submission/results/VOC2012/Segmentation/comp6_test_cls"
    assert [path.stem for path in folder.iterdir()] == voc[1]["test"]
    assert Image.open(next(folder.iterdir())).mode == "P"


@pytest.mark.parametrize("recipe", ["tag", "box"])
def test_voc_from_tags_and_boxes_by_our_own_class_activation_maps(recipe, voc, tmp_path):
    done = source_voc(recipe, voc, tmp_path, TO="camrw" if recipe == "tag" else "embedding")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.stem for path in (tmp_path / "out/cams").iterdir()} == set(voc[1]["train"])
    seeds = tmp_path / "out/pseudo/seeds/semantic_gray"
    assert {path.stem for path in seeds.iterdir()} == set(voc[1]["train"])
    assert 0 <= mean_iou(tmp_path, "pseudo_seeds" if recipe == "box" else "pseudo_camrw") <= 100


def test_voc_from_tags_by_maps_and_seeds_of_another_project(voc, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(voc[0], root)
    cams = tmp_path / "seam"
    cams.mkdir()
    for name in voc[1]["train"]:
        truth = np.array(Image.open(root / f"VOC2012/segcls/{name}.png"))
        classes = [int(k) for k in np.unique(truth) if 0 < k < 21]
        np.save(cams / f"{name}.npy", {k - 1: (truth == k).astype(np.float32) for k in classes}, allow_pickle=True)
    for command in readme_commands("cam_seeds"):
        run_commands([command.replace("$CAMS", str(cams))], root, tmp_path)
    done = source_voc("tag", (root, voc[1]), tmp_path, CAMS=str(cams), TO="camrw")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "out/cam_network").exists() and not (tmp_path / "out/pseudo/seeds").exists()
    assert mean_iou(tmp_path, "pseudo_camrw") > 5
    done = source_voc("box", (root, voc[1]), tmp_path, OUT=str(tmp_path / "box"), TO="lists")
    lines = (tmp_path / "lists/train_box.txt").read_text().splitlines()
    assert all("VOC2012/cam/seambox_a6_th0.5" in line for line in lines), done.stderr


def test_maps_of_another_project_that_lack_an_image_are_reported_before_training(voc, tmp_path):
    (tmp_path / "cams").mkdir()
    done = source_voc("tag", voc, tmp_path, CAMS=str(tmp_path / "cams"))
    assert done.returncode == 1
    assert f"cams: 2007_000000.npy and {len(voc[1]['train']) - 1} more not found" in done.stderr
    assert not (tmp_path / "out/embedding").exists()
    done = source_voc("tag", voc, tmp_path, SPLIT="tset")
    assert done.returncode == 1 and "SPLIT=tset: expected val or test" in done.stderr


def test_a_missing_file_is_reported_before_training(voc, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(voc[0], root)
    (root / "VOC2012/hed/2007_000001.png").unlink()
    done = source_voc("scribble", (root, voc[1]), tmp_path)
    assert done.returncode == 1
    assert "1 of 6 files in VOC2012/hed are missing: VOC2012/hed/2007_000001.png" in done.stderr
    assert not (tmp_path / "out/embedding").exists()


def test_densepose_from_points(tmp_path):
    pytest.importorskip("pycocotools")
    root = tmp_path / "data"
    ids = densepose_tree(root)
    commands = readme_commands("densepose_masks", "oversegment", "densepose_lists")
    run_commands([c for c in commands if "VOC2012" not in c], root, tmp_path)
    assert len((root / "lists/train2014_point.txt").read_text().splitlines()) == len(ids["train"])
    recipe = RECIPES / "densepose/train_spml_point.sh"
    done = bash(f"source {recipe}", tmp_path, DATAROOT=str(root), **PARTS_TINY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "44.15" in done.stdout and 0 <= mean_iou(tmp_path, "final_msc_crf") <= 100
    masks = tmp_path / "out/val/final_msc_crf/semantic_gray"
    assert {path.stem for path in masks.iterdir()} == set(ids["minival"])
