"""Whatever damage a file of raw annotations has, its reader gives a result or one clear error that names the file."""

import json
import random

import numpy as np
import pytest
from mutants import outcomes
from raw_data import figures_as_people, scribble_xml
from scipy.io import savemat

from spml.data.class_names import VOC_CLASSES
from spml.data.files import write_image
from spml.data.voc_xml import read_boxes
from spml.errors import UserError
from spml.prepare.coco import read_pictures
from spml.prepare.densepose_labels import label_picture, only_at_surface_points
from spml.prepare.oversegment import read_contours
from spml.prepare.scribbles import draw_scribbles, read_scribbles
from spml.prepare.splits import read_split
from spml.prepare.toy.parts import draw_figures
from spml.prepare.toy.scenes import draw_scene
from spml.prepare.toy.weak_labels import boxes_as_xml
from spml.prepare.voc_masks import read_sbd

NAMES = VOC_CLASSES[:6]


pytestmark = [
    pytest.mark.slow,  # thousands of broken files
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def read_and_draw(path):
    size, found = read_scribbles(path, NAMES)
    draw_scribbles((96, 96), found, 1, 3)
    return size


@pytest.mark.parametrize("read", [lambda path: read_boxes(path, NAMES), read_and_draw], ids=["boxes", "scribbles"])
def test_damaged_xml(tmp_path, read):
    scene = draw_scene(np.random.default_rng(0), 64)
    text = boxes_as_xml("a", scene, NAMES) if read is not read_and_draw else scribble_xml(scene, NAMES)
    (tmp_path / "a.xml").write_text(text)
    found = outcomes(tmp_path / "a.xml", read, random.Random(0), 200)
    assert min(found.values()) > 2


def test_damaged_coco_json(tmp_path):
    pytest.importorskip("pycocotools")
    scene = draw_figures(np.random.default_rng(2), 64)
    people = figures_as_people(scene, 9)
    people[0] |= {"dp_x": [10, 200.5], "dp_y": [20, 30], "dp_I": [2, 23]}
    people.append({"id": 7, "image_id": 9, "bbox": [1, 2, 30, 40], "segmentation": [[1, 2, 30, 2, 30, 40.5, 1, 40]]})
    image = {"id": 9, "file_name": "COCO_train2014_000000000009.jpg", "height": 64, "width": 64}
    (tmp_path / "a.json").write_text(json.dumps({"images": [image], "annotations": people[::-1]}))

    def read(path):
        for picture in read_pictures(path):
            only_at_surface_points(picture, *label_picture(picture))

    found = outcomes(tmp_path / "a.json", read, random.Random(0), 200)
    assert min(found.values()) > 2


VALUES = [None, True, -1, 0, 1, 0.5, 1e308, 10**400, "", "x", [], [[]], {}, [None], {"size": [256, 256], "counts": "0"}]


def test_coco_json_whose_fields_hold_anything(tmp_path):
    pytest.importorskip("pycocotools")
    whole = [
        {"id": 1, "image_id": 9, "category_id": 1, "bbox": [1, 2, 30, 40], "dp_masks": [[]] * 14},
        {"id": 2, "image_id": 9, "bbox": [1, 2, 30, 40], "segmentation": [[1, 2, 30, 2, 30, 40.5]]},
    ]
    whole[0]["dp_masks"] = [{"size": [256, 256], "counts": [65536]}, *[[]] * 13]
    whole[0] |= {"dp_x": [10], "dp_y": [20], "dp_I": [2]}
    fields = [(n, key) for n, person in enumerate(whole) for key in person]
    path, found = tmp_path / "a.json", {"read": 0, "refused": 0}
    for number, key in [(None, key) for key in ("id", "file_name", "height", "width")] + fields:
        for value in VALUES:
            image = {"id": 9, "file_name": "COCO_train2014_000000000009.jpg", "height": 64, "width": 64}
            people = [dict(person) for person in whole]
            (image if number is None else people[number])[key] = value
            path.write_text(json.dumps({"images": [image], "annotations": people}))
            try:
                for picture in read_pictures(path):
                    only_at_surface_points(picture, *label_picture(picture))
                found["read"] += 1
            except UserError as error:
                assert "\n" not in str(error) and len(str(error)) < 500
                found["refused"] += 1
    assert min(found.values()) > 2


def test_damaged_mat(tmp_path):
    label = np.random.default_rng(0).integers(0, 21, (20, 30)).astype(np.uint8)
    for compress in (False, True):
        savemat(tmp_path / "a.mat", {"GTcls": {"Segmentation": label}}, do_compression=compress)
        found = outcomes(tmp_path / "a.mat", read_sbd, random.Random(0), 150)
        assert found["refused"] > 10


def test_damaged_split_files(tmp_path):
    (tmp_path / "a.txt").write_text("".join(f"2007_{number:06d}\n" for number in range(20)))
    found = outcomes(tmp_path / "a.txt", read_split, random.Random(0), 200)
    assert min(found.values()) > 2


def test_damaged_contour_pictures(tmp_path):
    strength = (np.random.default_rng(0).random((20, 30)) ** 4 * 255).astype(np.uint8)
    write_image(tmp_path / "a.png", strength)
    found = outcomes(tmp_path / "a.png", lambda path: read_contours(path, (20, 30)), random.Random(0), 150)
    assert found["refused"] > 10
