import json

import numpy as np
import pytest

from spml.data.files import read_label
from spml.errors import UserError
from spml.prepare.densepose_lists import coco_image, densepose_data_lists, densepose_lists
from spml.prepare.densepose_masks import densepose_masks

tools = pytest.importorskip("pycocotools.mask", reason="run-length codes need pycocotools")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FOLDERS = ("segcls/densepose/gray", "segcls/densepose_points/gray", "seginst/densepose/gray")


def annotation(number, image_id, with_masks=True):
    code = tools.encode(np.asfortranarray(np.ones((256, 256), np.uint8)))
    masks = [{"size": [256, 256], "counts": code["counts"].decode()}, *[[]] * 13] if with_masks else []
    return {"id": number, "image_id": image_id, "category_id": 1, "bbox": [5, 5, 20, 20], "dp_masks": masks}


def write(path, folder, people):
    """people: image number -> whether its one person has part masks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [
        {"id": n, "file_name": f"COCO_{folder}_{n:012d}.jpg", "height": 40, "width": 50} for n in sorted(people)[::-1]
    ]
    annotations = [annotation(100 + n, n, masks) for n, masks in people.items()]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


@pytest.fixture
def root(tmp_path):
    annotations = tmp_path / "annotations"
    write(annotations / "densepose_coco_2014_train.json", "train2014", {n: n != 3 for n in range(1, 7)})
    write(annotations / "densepose_coco_2014_minival.json", "val2014", {42: True})
    write(annotations / "densepose_coco_2014_valminusminival.json", "val2014", {43: True, 44: True})
    return tmp_path


def run_masks(root, *argv):
    path = root / "annotations/densepose_coco_2014_train.json"
    densepose_masks(["--data_dir", str(root), "--annotations", str(path), "--workers", "0", *argv])


def test_each_annotated_picture_gets_parts_points_and_persons(root):
    run_masks(root)
    for folder in FOLDERS:
        names = sorted(path.name for path in (root / folder).glob("*.png"))
        assert names == [f"COCO_train2014_{n:012d}.png" for n in (1, 2, 4, 5, 6)]
    parts, points, persons = (read_label(root / folder / "COCO_train2014_000000000001.png") for folder in FOLDERS)
    assert parts.sum() == persons.sum() == 400 and (parts[5:25, 5:25] == 1).all()
    assert set(np.unique(points)) == {0, 1, 254}


def test_points_depend_on_the_seed_alone(root):
    path = root / FOLDERS[1] / "COCO_train2014_000000000001.png"
    contents = []
    for argv in (["--seed", "1"], ["--seed", "1", "--workers", "2"], ["--seed", "2"]):
        run_masks(root, *argv)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_points_of_no_background_and_of_one_pixel(root):
    run_masks(root, "--background_points", "0", "--dilate", "1")
    points = read_label(root / FOLDERS[1] / "COCO_train2014_000000000001.png")
    assert (points == 1).sum() == 1 and (points == 254).sum() == points.size - 1


def test_existing_pictures_are_skipped_on_demand(root, shown_log):
    run_masks(root)
    (root / FOLDERS[2] / "COCO_train2014_000000000002.png").unlink()
    run_masks(root, "--skip_existing")
    assert "1 converted, 4 already there" in shown_log.readouterr().out


def test_a_file_without_part_masks_is_refused(root):
    path = write(root / "other.json", "val2014", {1: False})
    with pytest.raises(UserError, match="other.json: no person has dp_masks"):
        densepose_masks(["--data_dir", str(root), "--annotations", str(path)])


def run_lists(root, *argv):
    densepose_lists(["--data_dir", str(root), "--workers", "0", *argv])
    return {path.name: path.read_text().splitlines() for path in (root / "lists").iterdir()}


def test_lists_hold_the_annotated_pictures_in_the_published_layout(root):
    lists = run_lists(root, "--subset", "2")
    names = [f"COCO_train2014_{n:012d}" for n in (1, 2, 4, 5, 6)]
    expected = [
        f"images/train2014/{name}.jpg segcls/densepose_points/gray/{name}.png seginst/pmi_0.1_256/{name}.png"
        for name in names
    ]
    assert lists["train2014_point.txt"] == expected
    assert lists["train2014_full.txt"] == [line.replace("densepose_points", "densepose") for line in expected]
    assert len(lists["train2014_point_subset.txt"]) == 2
    assert set(lists["train2014_point_subset.txt"]) < set(expected)
    truth = "segcls/densepose/gray/COCO_val2014_000000000042.png"
    assert lists["minival2014.txt"] == [f"images/val2014/COCO_val2014_000000000042.jpg {truth} {truth}"]
    assert len(lists["valminusminival2014.txt"]) == 2
    assert set(lists) == {f"train2014_{kind}{end}.txt" for kind in ("full", "point") for end in ("", "_subset")} | {
        "minival2014.txt",
        "valminusminival2014.txt",
    }


def test_the_subset_is_the_same_for_every_kind_and_run():
    ids = [f"COCO_train2014_{n:012d}" for n in range(50)]
    lists, again = (densepose_data_lists("train2014", ids, 10, seed=0) for _ in range(2))
    other = densepose_data_lists("train2014", ids, 10, seed=1)
    assert lists == again != other
    full, point = ([row[0] for row in lists[f"train2014_{kind}_subset.txt"]] for kind in ("full", "point"))
    assert full == point == sorted(full) and len(set(full)) == 10


def test_missing_pictures_are_a_warning_or_with_check_an_error(root, shown_log):
    run_lists(root, "--splits", "minival2014")
    assert "minival2014.txt: 1 of 1 files in images/val2014 are missing" in shown_log.readouterr().err
    with pytest.raises(UserError, match="images/val2014"):
        run_lists(root, "--splits", "minival2014", "--check")


def test_a_missing_annotation_file_is_named(root):
    (root / "annotations/densepose_coco_2014_minival.json").unlink()
    with pytest.raises(UserError, match="densepose_coco_2014_minival.json: no such file"):
        run_lists(root)


def test_coco_images_lie_in_the_folder_of_their_name():
    assert coco_image("COCO_val2014_000000000042") == "images/val2014/COCO_val2014_000000000042.jpg"
