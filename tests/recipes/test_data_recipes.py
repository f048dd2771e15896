"""The VOC and DensePose recipes on small data in the published forms, prepared by the commands of the documentation."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from raw_data import densepose_tree, voc_tree
from sourcing import ROOT

pytestmark = pytest.mark.slow  # starts processes

TINY = (
    "num_threads 0 train.max_iteration 2 train.snapshot_step 1 train.batch_size 2 train.crop_size [64,64] "
    "network.use_syncbn false network.pretrained '' test.image_size 64 test.crop_size [64,64] test.stride [64,64] "
    "network.kmeans_iterations 2"
)
VOC_TINY = f"{TINY} network.backbone_types panoptic_deeplab_tiny test.scales [1]"
PARTS_TINY = f"{TINY} network.backbone_types panoptic_pspnet_tiny"
SIZE = 64


def documented_commands(*scripts):
    """The data-preparation commands of the README and docs that call these scripts, in their order there."""
    texts = [path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
    spans = [span for text in texts for span in re.findall(r"`python (pyscripts/data/[^`]+)`", text)]
    blocks = [
        line
        for text in texts
        for line in re.findall(r"^python (pyscripts/data/[^\\\n]+(?:\\\n[^\\\n]+)*)$", text, re.M)
    ]
    found = dict.fromkeys(" ".join(command.replace("\\\n", " ").split()) for command in spans + blocks)
    wanted = [c for c in found if re.match(r"pyscripts/data/(\w+)", c)[1] in scripts]
    return [c for c in wanted if "$DATAROOT" in c and "--download" not in c]


def run_commands(forge, commands, root):
    """Run commands as a shell would, in forks."""
    for command in commands:
        expand = ["bash", "-c", rf'DATAROOT=$1; printf "%s\n" {command}', "bash", str(root)]
        words = subprocess.run(expand, capture_output=True, text=True, check=True).stdout.splitlines()
        done = forge.run(words)
        assert done.returncode == 0, f"{command}\n{done}"


@pytest.fixture(scope="module")
def voc(tmp_path_factory, forge):
    """VOC from raw annotations, prepared by the documented commands; the ids of its splits."""
    root = tmp_path_factory.mktemp("voc") / "data"
    ids = voc_tree(root, SIZE)
    commands = documented_commands("voc_masks", "oversegment", "scribbles", "image_tags")
    run_commands(forge, [c for c in commands if "train2014" not in c], root)
    return root, ids


@pytest.fixture
def run_voc(voc, forge, tmp_path):
    """Runs a VOC recipe with a tiny network on two iterations a stage."""

    def run(kind, root=None, **changes):
        folders = {"DATAROOT": str(root or voc[0]), "LISTS": str(tmp_path / "lists"), "OUT": str(tmp_path / "out")}
        return forge.run(["voc12", kind], **{"OPTS": VOC_TINY, **folders, **changes})

    return run


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


def test_voc_from_points_to_masks_for_the_server(voc, run_voc, tmp_path):
    done = run_voc("point", SPLIT="test")
    assert done.returncode == 1 and "stage embedding is not complete, but needed" in done.stderr, done
    done = run_voc("point")
    assert done.returncode == 0, done
    assert "73.2 / 74.0" in done.stdout and "final classifier, multi-scale + flip + CRF" in done.stdout
    assert 0.01 < mean_iou(tmp_path, "final_msc_crf") < 15
    lines = (tmp_path / "lists/train_point.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == [f"VOC2012/JPEGImages/{name}.jpg" for name in voc[1]["train"]]
    done = run_voc("point", SPLIT="test")
    assert done.returncode == 0 and "train.py" not in done.stdout, done
    folder = tmp_path / "out/test/final_msc_crf/submission/results/VOC2012/Segmentation/comp6_test_cls"
    assert [path.stem for path in folder.glob("*.png")] == voc[1]["test"]
    assert Image.open(next(folder.iterdir())).mode == "P"


@pytest.mark.parametrize("kind", ["tag", "box"])
def test_voc_from_tags_and_boxes_by_our_own_class_activation_maps(kind, voc, run_voc, tmp_path):
    done = run_voc(kind, TO="camrw" if kind == "tag" else "embedding")
    assert done.returncode == 0, done
    assert {path.stem for path in (tmp_path / "out/cams").glob("*.npy")} == set(voc[1]["train"])
    seeds = tmp_path / "out/pseudo/seeds/semantic_gray"
    assert {path.stem for path in seeds.glob("*.png")} == set(voc[1]["train"])
    assert 0.5 < mean_iou(tmp_path, "pseudo_seeds" if kind == "box" else "pseudo_camrw") < 30


def test_voc_from_tags_by_maps_and_seeds_of_another_project(voc, run_voc, forge, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(voc[0], root)
    cams = tmp_path / "seam"
    cams.mkdir()
    for name in voc[1]["train"]:
        truth = np.array(Image.open(root / f"VOC2012/segcls/{name}.png"))
        classes = [int(k) for k in np.unique(truth) if 0 < k < 21]
        np.save(cams / f"{name}.npy", {k - 1: (truth == k).astype(np.float32) for k in classes}, allow_pickle=True)
    run_commands(forge, [c.replace("$CAMS", str(cams)) for c in documented_commands("cam_seeds")], root)
    done = run_voc("tag", root, CAMS=str(cams), TO="camrw")
    assert done.returncode == 0, done
    assert not (tmp_path / "out/cam_network").exists() and not (tmp_path / "out/pseudo/seeds").exists()
    assert mean_iou(tmp_path, "pseudo_camrw") > 5
    done = run_voc("box", root, OUT=str(tmp_path / "box"), TO="lists")
    lines = (tmp_path / "lists/train_box.txt").read_text().splitlines()
    assert all("VOC2012/cam/seambox_a6_th0.5" in line for line in lines), done
    (root / "VOC2012/hed/2007_000001.png").touch()
    done = run_voc("tag", root, CAMS=str(cams), TO="camrw")
    assert done.returncode == 1 and "lists/train_tag.txt changed; FORCE=embedding" in done.stderr, done


def test_maps_of_another_project_that_lack_an_image_are_reported_before_training(voc, run_voc, tmp_path):
    done = run_voc("tag", CAMS=str(tmp_path / "cams"))
    assert done.returncode == 1 and "cams: no such folder" in done.stderr and done.stdout == ""
    (tmp_path / "cams").mkdir()
    done = run_voc("tag", CAMS=str(tmp_path / "cams"))
    assert done.returncode == 1
    assert f"cams: 2007_000000.npy and {len(voc[1]['train']) - 1} more not found" in done.stderr
    assert not (tmp_path / "out/embedding").exists()


def test_a_missing_file_is_reported_before_training(voc, run_voc, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(voc[0], root)
    (root / "VOC2012/hed/2007_000001.png").unlink()
    done = run_voc("scribble", root)
    assert done.returncode == 1
    assert "1 of 6 files in VOC2012/hed are missing: VOC2012/hed/2007_000001.png" in done.stderr
    assert not (tmp_path / "out/embedding").exists()


def test_densepose_from_points(forge, tmp_path):
    pytest.importorskip("pycocotools")
    root = tmp_path / "data"
    ids = densepose_tree(root, SIZE)
    commands = documented_commands("densepose_masks", "oversegment", "densepose_lists")
    run_commands(forge, [c for c in commands if "VOC2012" not in c], root)
    assert len((root / "lists/train2014_point.txt").read_text().splitlines()) == len(ids["train"])
    settings = {"DATAROOT": str(root), "OUT": str(tmp_path / "out"), "OPTS": PARTS_TINY}
    done = forge.run(["densepose", "point"], **settings)
    assert done.returncode == 0, done
    assert "44.15" in done.stdout and 0.01 < mean_iou(tmp_path, "final_msc_crf") < 20
    masks = tmp_path / "out/val/final_msc_crf/semantic_gray"
    assert {path.stem for path in masks.glob("*.png")} == set(ids["minival"])
