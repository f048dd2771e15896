import json

import numpy as np
import pytest

from spml.data.files import read_label, write_image
from spml.errors import UserError
from spml.prepare.annotations.annotations import annotations
from spml.prepare.annotations.masks_to_annotations import masks_to_annotations


@pytest.fixture
def folder(tmp_path, photographs):
    """A folder of photographs, classes, and label maps with holes, specks, unlabelled and void pixels."""
    photographs(a=(30, 40), b=(20, 20))
    (tmp_path / "classes.txt").write_text("background\ncow\ngrass\n")
    rows, columns = np.mgrid[:30, :40]
    label = np.where(np.hypot(rows - 15, columns - 20) < 12, 1, 0).astype(np.uint8)
    label[10:20, 15:25], label[13:16, 18:21], label[2, 3], label[25:, 30:] = 2, 254, 2, 255
    write_image(tmp_path / "masks" / "a.png", label)
    write_image(tmp_path / "masks" / "b.png", np.full((20, 20), 2, np.uint8))
    return tmp_path


def write(folder, *flags):
    paths = f"--mask_dir {folder}/masks --image_dir {folder}/images --classes {folder}/classes.txt"
    masks_to_annotations([*paths.split(), "--save_dir", f"{folder}/polygons", "--workers", "0", *flags])


@pytest.mark.parametrize("form", ["labelme", "coco"])
def test_label_maps_come_back_as_they_were_where_nothing_is_simplified(folder, form):
    write(folder, "--format", form, "--tolerance", "0")
    paths = f"--annotations {folder}/polygons --image_dir {folder}/images --classes {folder}/classes.txt"
    annotations([*paths.split(), "--save_dir", f"{folder}/back", "--workers", "0"])
    for name in "ab":
        assert np.array_equal(read_label(folder / f"back/labels/{name}.png"), read_label(folder / f"masks/{name}.png"))


def test_a_label_map_corrected_in_labelme_comes_back_but_for_pixels_at_its_borders(folder):
    write(folder)
    path = folder / "polygons" / "a.json"
    content = json.loads(path.read_text())
    drawn = {"label": "grass", "points": [[1.2, 20.3], [6.4, 20.3], [6.4, 26.1], [1.2, 26.1]], "shape_type": "polygon"}
    content["shapes"] = [*content["shapes"], drawn | {"group_id": None, "flags": {}}]
    path.write_text(json.dumps(content | {"version": "5.8.1", "imageData": "aGVsbG8="}))
    paths = f"--annotations {folder}/polygons --image_dir {folder}/images --classes {folder}/classes.txt"
    annotations([*paths.split(), "--save_dir", f"{folder}/back", "--workers", "0"])
    expected = read_label(folder / "masks/a.png")
    expected[20:26, 1:6] = 2
    found, around = read_label(folder / "back/labels/a.png"), np.pad(expected, 1, mode="edge")
    neighbours = [around[1 + y : 31 + y, 1 + x : 41 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)]
    at_border = np.any([each != expected for each in neighbours], axis=0)
    assert (found == expected)[~at_border].all() and (found != expected).mean() < 0.02


def test_labelme_files_say_what_labelme_wants_to_know(folder):
    write(folder)
    content = json.loads((folder / "polygons" / "b.json").read_text())
    assert (folder / "polygons" / content["imagePath"]).resolve() == folder / "images" / "b.png"
    assert (content["imageHeight"], content["imageWidth"], content["imageData"]) == (20, 20, None)
    (shape,) = content["shapes"]
    assert (shape["label"], shape["shape_type"]) == ("grass", "polygon")
    assert sorted(shape["points"]) == [[0, 0], [0, 20], [20, 0], [20, 20]]


def test_coco_files_state_areas_and_boxes(folder):
    write(folder, "--format", "coco")
    content = json.loads((folder / "polygons" / "annotations.json").read_text())
    last = content["annotations"][-1]
    assert (last["area"], last["bbox"], last["category_id"]) == (400, [0, 0, 20, 20], 3)
    assert [each["name"] for each in content["categories"]] == ["background", "cow", "grass", "unlabelled", "void"]


def test_small_areas_are_left_out_where_asked(folder):
    write(folder, "--min_pixels", "2")
    shapes = json.loads((folder / "polygons" / "a.json").read_text())["shapes"]
    assert [each["label"] for each in shapes] == ["background", "cow", "grass", "void", "unlabelled"]


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("b", np.zeros((4, 4), np.uint8), "b.png: 4×4 pixels, but .*b.png has 20×20"),
        ("b", np.full((20, 20), 7, np.uint8), "b.png: holds 7; expected classes 0..2"),
        ("x", np.zeros((4, 4), np.uint8), "x.png: no photograph of this name"),
    ],
)
def test_label_maps_that_do_not_fit_are_refused_and_nothing_is_written(folder, name, label, message):
    write_image(folder / "masks" / f"{name}.png", label)
    with pytest.raises(UserError, match=message):
        write(folder)
    assert not (folder / "polygons").exists()


@pytest.mark.parametrize(("form", "name"), [("labelme", "a.json and 1 more"), ("coco", "annotations.json")])
def test_what_may_have_been_corrected_by_hand_is_not_replaced_unasked(folder, form, name):
    write(folder, "--format", form)
    path = folder / "polygons" / name.partition(" ")[0]
    path.write_text("by hand")
    with pytest.raises(UserError, match=f"polygons: holds {name} already, .*--overwrite replaces it"):
        write(folder, "--format", form)
    assert path.read_text() == "by hand"
    write(folder, "--format", form, "--overwrite")
    assert path.read_text() != "by hand"
