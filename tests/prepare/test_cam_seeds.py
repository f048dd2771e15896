import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spml.data.files import read_label
from spml.errors import UserError
from spml.prepare.cam_seeds import box_seeds, cam_seeds, read_cam_arrays, tag_seeds
from spml.prepare.voc_xml import Box


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


def tag_seed_of_pixel(classes, scores, alpha, threshold):
    """Plain oracle of one pixel: scores, one a class."""
    candidates = [(0, (1 - max(scores)) ** alpha), *zip(classes, scores, strict=True)]
    best, best_score = candidates[0]
    for label, score in candidates[1:]:
        if score > best_score:
            best, best_score = label, score
    return best if best_score >= threshold else 254


@given(
    arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=16)), st.floats(0, 1), st.sampled_from([1, 2, 6, 24])
)
def test_tag_seeds_equal_the_plain_rule(scores, threshold, alpha):
    classes = np.array([3, 15])
    seeds = tag_seeds(classes, scores, alpha, threshold)
    for y, x in np.ndindex(3, 4):
        winner = np.float32(max((1 - scores[:, y, x].max()) ** np.float32(alpha), scores[:, y, x].max()))
        if not np.isclose(winner, threshold, atol=1e-6):
            assert seeds[y, x] == tag_seed_of_pixel(classes, scores[:, y, x], alpha, threshold)


def test_tag_seeds_of_the_recipe():
    scores = np.array([[[0.0, 0.1, 0.21, 0.23, 0.9]], [[0.0, 0.0, 0.0, 0.0, 0.95]]], np.float32)
    # (1 - 0.21)^6 = 0.243 beats 0.21; (1 - 0.23)^6 = 0.208 does not beat 0.23.
    assert tag_seeds(np.array([5, 9]), scores).tolist() == [[0, 0, 0, 5, 9]]
    assert tag_seeds(np.array([5, 9]), scores, threshold=0.24).tolist() == [[0, 0, 0, 254, 9]]


def test_boxes_scale_each_cam_within_themselves():
    scores = np.full((1, 4, 6), 0.05, np.float32)
    scores[0, 1, 1:4] = [0.1, 0.16, 0.2]
    seeds = box_seeds(np.array([7]), scores, [Box(7, 1, 1, 4, 2)])
    assert seeds[1].tolist() == [0, 254, 7, 7, 0, 0]
    assert not seeds[[0, 2, 3]].any()


def test_the_larger_score_wins_where_boxes_overlap():
    scores = np.zeros((2, 1, 4), np.float32)
    scores[0, 0], scores[1, 0] = [0.5, 0.4, 0.3, 0.0], [0.0, 0.02, 0.09, 0.1]
    boxes = [Box(1, 0, 0, 4, 1), Box(2, 0, 0, 4, 1)]
    for order in (boxes, boxes[::-1]):
        assert box_seeds(np.array([1, 2]), scores, order).tolist() == [[1, 1, 2, 2]]


def test_a_box_without_evidence_stays_unlabelled():
    scores = np.full((1, 3, 3), 0.4, np.float32)
    seeds = box_seeds(np.array([1]), scores, [Box(1, 0, 0, 2, 2), Box(5, 2, 2, 3, 3)])
    assert seeds.tolist() == [[254, 254, 0], [254, 254, 0], [0, 0, 254]]


def write_cams(path, cams):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, cams, allow_pickle=True)


def test_seed_files_of_tags_and_boxes(tmp_path):
    write_cams(tmp_path / "cam/a.npy", {14: np.eye(4, dtype=np.float16), np.int64(0): np.zeros((4, 4), np.float32)})
    common = ["--cam_dir", str(tmp_path / "cam"), "--workers", "0", "--save_dir"]
    cam_seeds([*common, str(tmp_path / "tag")])
    assert read_label(tmp_path / "tag/a.png").tolist() == (15 * np.eye(4, dtype=int)).tolist()
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml/a.xml").write_text(
        "<annotation><size><width>4</width><height>4</height></size><object><name>person</name><bndbox><xmin>1</xmin>"
        "<ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>"
    )
    cam_seeds([*common, str(tmp_path / "box"), "--box_dir", str(tmp_path / "xml")])
    expected = [[15, 254, 0, 0], [254, 15, 0, 0], [0] * 4, [0] * 4]
    assert read_label(tmp_path / "box/a.png").tolist() == expected


def test_an_xml_of_another_size_is_refused(tmp_path):
    write_cams(tmp_path / "cam/a.npy", {14: np.eye(4)})
    (tmp_path / "a.xml").write_text("<annotation><size><width>5</width><height>4</height></size></annotation>")
    argv = ["--cam_dir", str(tmp_path / "cam"), "--save_dir", str(tmp_path / "out"), "--box_dir", str(tmp_path)]
    with pytest.raises(UserError, match="a.npy: scores of size .*a.xml states"):
        cam_seeds([*argv, "--workers", "0"])
    (tmp_path / "a.xml").unlink()
    with pytest.raises(UserError, match="a.xml: no such file"):
        cam_seeds([*argv, "--workers", "0"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("cams", "message"),
    [
        ({}, "one class at least"),
        ([np.eye(3)], "expected a dict"),
        ({20: np.eye(3)}, "expected integers from 0 to 19"),
        ({-1: np.eye(3)}, "expected integers"),
        ({"dog": np.eye(3)}, "expected integers"),
        ({1: np.eye(3), 2: np.eye(4)}, "one H×W array"),
        ({1: np.ones(3)}, "one H×W array"),
        ({1: "text"}, "one H×W array"),
        ({1: np.zeros((0, 3))}, "one H×W array"),
        ({1: 2 * np.eye(3)}, "expected 0 to 1"),
        ({1: np.full((3, 3), np.nan)}, "expected 0 to 1"),
        ({1: Evil()}, "not allowed"),
    ],
)
def test_cam_files_that_are_none_are_refused(tmp_path, cams, message, capsys):
    write_cams(tmp_path / "a.npy", cams)
    with pytest.raises(UserError, match=f"a.npy: .*{message}"):
        read_cam_arrays(tmp_path / "a.npy", 21)
    assert "unpickled" not in capsys.readouterr().out


def test_other_class_names_give_other_classes(tmp_path):
    write_cams(tmp_path / "cam/a.npy", {4: np.ones((2, 2))})
    (tmp_path / "names.txt").write_text("background\nstriped\ndotted\n")
    argv = ["--cam_dir", str(tmp_path / "cam"), "--save_dir", str(tmp_path / "out"), "--workers", "0"]
    with pytest.raises(UserError, match="expected integers from 0 to 1"):
        cam_seeds([*argv, "--class_names", str(tmp_path / "names.txt")])


@pytest.mark.parametrize("change", [["--threshold", "0.3"], ["--alpha", "4"], ["--cam_dir"]])
def test_seeds_of_other_maps_or_settings_do_not_pass_for_new_ones(tmp_path, change):
    for folder in ("cam", "other"):
        write_cams(tmp_path / folder / "a.npy", {4: np.ones((2, 2))})
    argv = ["--cam_dir", str(tmp_path / "cam"), "--save_dir", str(tmp_path / "out"), "--workers", "0"]
    cam_seeds(argv)
    cam_seeds([*argv, "--skip_existing"])
    change = [*change, str(tmp_path / "other")] if change == ["--cam_dir"] else change
    with pytest.raises(UserError, match=f"made with other settings: {change[0][2:]} was "):
        cam_seeds([*argv, "--skip_existing", *change])
