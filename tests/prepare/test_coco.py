import builtins
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spml.errors import UserError
from spml.prepare.coco import decode_rle, pycocotools_mask, read_pictures, segmentation_mask

tools = pytest.importorskip("pycocotools.mask", reason="run-length codes need pycocotools")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def encode(mask):
    code = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": code["counts"].decode()}


@given(arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_codes_decode_to_the_mask_they_were_made_of(mask):
    assert (decode_rle(encode(mask), mask.shape, "here") == mask).all()


@given(arrays(bool, (7, 9)))
def test_plain_counts_run_down_the_columns_from_a_zero(mask):
    changes = np.flatnonzero(np.diff(mask.ravel("F"))) + 1
    runs = np.diff([0, *changes, mask.size]).tolist()
    counts = [0, *runs] if mask[0, 0] else runs
    assert (decode_rle({"size": [7, 9], "counts": counts}, (7, 9), "here") == mask).all()


LARGE = np.kron(np.arange(6).reshape(2, 3) % 2, np.ones((100, 90))).astype(bool)


@pytest.mark.parametrize(
    "code",
    [
        {"size": [200, 270], "counts": encode(LARGE)["counts"][:-2]},
        {"size": [200, 270], "counts": encode(LARGE)["counts"] * 2},
        {"size": [200, 270], "counts": encode(LARGE)["counts"] + "o"},
        {"size": [200, 270], "counts": ""},
        {"size": [200, 270], "counts": "o" * 100_000},
        {"size": [200, 270], "counts": "é"},
        {"size": [200, 270], "counts": "0PP"},
        {"size": [200, 270], "counts": [10, 20]},
        {"size": [200, 270], "counts": [-10, 54010]},
        {"size": [200, 270], "counts": [54000.0]},
        {"size": [200, 270], "counts": None},
        {"size": [10**9, 10**9], "counts": "0"},
        {"size": None, "counts": "0"},
        {"size": 3, "counts": "0"},
        {"size": True, "counts": "0"},
        {"size": [200.0, 270], "counts": [54000]},
        {"size": {"200": 270}, "counts": [54000]},
        {"counts": "0"},
        [1],
    ],
)
def test_broken_codes_are_refused_before_they_reach_the_decoder(code):
    with pytest.raises(UserError, match="person 7: "):
        decode_rle(code, (200, 270), "person 7")


def test_polygons_cover_their_inside():
    mask = segmentation_mask([[2, 3, 8, 3, 8, 6, 2, 6], [10, 0, 12, 0, 12, 2, 10, 2]], (10, 15), "here")
    expected = np.zeros((10, 15), bool)
    expected[3:6, 2:8] = expected[0:2, 10:12] = True
    assert (mask == expected).all()


def test_polygons_far_outside_end_at_the_border():
    assert segmentation_mask([[-1e12, -1e12, 1e12, -1e12, 1e12, 1e12, -1e12, 1e12]], (10, 15), "here").all()
    assert not segmentation_mask([[1, 2, 3, 4]], (10, 15), "here").any()


def test_a_crowd_is_a_code():
    mask = np.eye(4, dtype=bool)
    assert (segmentation_mask(encode(mask), (4, 4), "here") == mask).all()


@pytest.mark.parametrize(
    "segmentation", [[], [[1, 2, 3, 4, 5]], [["x"] * 6], [[np.nan] * 6], [[10**400] * 6], 5, [[[1, 2], [3, 4]]]]
)
def test_broken_polygons_are_refused(segmentation):
    with pytest.raises(UserError, match="person 7: segmentation"):
        segmentation_mask(segmentation, (4, 4), "person 7")


def image(number=9, name="COCO_train2014_000000000009.jpg", height=4, width=6):
    return {"id": number, "file_name": name, "height": height, "width": width}


def write(path, images, annotations=()):
    path.write_text(json.dumps({"images": images, "annotations": list(annotations)}))
    return path


def test_pictures_come_by_id_with_their_annotations(tmp_path):
    images = [image(), image(4, "COCO_train2014_000000000004.jpg")]
    annotations = [{"id": 1, "image_id": 9}, {"id": 2, "image_id": 4}, {"id": 3, "image_id": 9}]
    first, second = read_pictures(write(tmp_path / "a.json", images, annotations))
    assert (first.id, first.number, first.size) == ("COCO_train2014_000000000004", 4, (4, 6))
    assert [annotation["id"] for annotation in second.annotations] == [1, 3]


@pytest.mark.parametrize(
    ("images", "annotations", "message"),
    [
        ([image(name="../../COCO_train2014_000000000009.jpg")], [], "file_name"),
        ([image(name="COCO_train2014_9.jpg")], [], "file_name"),
        ([image(name=None)], [], "file_name"),
        ([image(height=10**9)], [], "height 1000000000"),
        ([image(width="6")], [], "width '6'"),
        ([image(number=True)], [], "has id True"),
        ([image(), image()], [], "image 9 occurs twice"),
        (["x"], [], "is no object"),
        ([image()], [{"id": 5, "image_id": 8}], "annotation 5 belongs to no image"),
        ([image()], [{"id": 5, "image_id": [9]}], "annotation 5 belongs to no image"),
        ([image()], ["x"], "annotation 'x' belongs to no image"),
    ],
)
def test_impossible_entries_are_refused_by_file_name(tmp_path, images, annotations, message):
    with pytest.raises(UserError, match=f"a.json: .*{message}"):
        read_pictures(write(tmp_path / "a.json", images, annotations))


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"images": []}', "[" * 100_000, '{"images": {}, "annotations": []}']
)
def test_files_that_are_no_coco_json_are_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match="a.json: n"):
        read_pictures(tmp_path / "a.json")
    with pytest.raises(UserError, match="none.json: no such file"):
        read_pictures(tmp_path / "none.json")


def test_a_missing_pycocotools_is_named(monkeypatch):
    real_import = builtins.__import__

    def refuse(name, *rest, **options):
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real_import(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match="pip install pycocotools"):
        pycocotools_mask()
