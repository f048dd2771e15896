import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from raw_data import make_later

from spml.data.files import read_label, write_image
from spml.errors import UserError
from spml.prepare.cam_seeds import cam_seeds, read_cam_arrays
from spml.prepare.region_rules import balanced, region_tag_seeds


class Evil:
    def __reduce__(self):
        return (print, ("unpickled",))


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


def test_without_a_background_every_pixel_of_a_box_gets_a_class(tmp_path):
    write_cams(tmp_path / "cam/a.npy", {1: np.eye(4, dtype=np.float32)})
    (tmp_path / "a.xml").write_text(
        "<annotation><size><width>4</width><height>4</height></size><object><name>cat</name><bndbox><xmin>1</xmin>"
        "<ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>"
    )
    (tmp_path / "names.txt").write_text("dog\ncat\n")
    argv = ["--cam_dir", str(tmp_path / "cam"), "--class_names", str(tmp_path / "names.txt"), "--workers", "0"]
    cam_seeds([*argv, "--save_dir", str(tmp_path / "all"), "--box_dir", str(tmp_path)])
    assert read_label(tmp_path / "all/a.png")[:2].tolist() == [[1, 1, 254, 254]] * 2
    cam_seeds([*argv, "--save_dir", str(tmp_path / "sure"), "--box_dir", str(tmp_path), "--threshold", "0.5"])
    assert read_label(tmp_path / "sure/a.png")[:2].tolist() == [[1, 254, 254, 254], [254, 1, 254, 254]]


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


XML = (
    "<annotation><size><width>4</width><height>4</height></size>"
    "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
    "</annotation>"
)


@pytest.fixture
def stuff(tmp_path):
    """CAMs of two images of a data set without a background, and the flags for their seeds."""
    (tmp_path / "names.txt").write_text("grass\ncow\nsky\n")
    upper = np.zeros((4, 4), np.float32)
    upper[:2] = np.linspace(0.3, 1, 4)
    write_cams(tmp_path / "cam/a.npy", {0: upper[::-1], 2: upper})
    write_cams(tmp_path / "cam/b.npy", {1: upper})
    argv = ["--cam_dir", str(tmp_path / "cam"), "--save_dir", str(tmp_path / "out"), "--workers", "0"]
    return [*argv, "--class_names", str(tmp_path / "names.txt")]


def seeds(folder):
    return {path.stem: read_label(path).tolist() for path in sorted((folder / "out").glob("*.png"))}


def test_without_a_background_keys_are_classes_and_nothing_is_marked_beyond_them(stuff, tmp_path, log):
    cam_seeds(stuff)
    nothing = [[254] * 4] * 2
    assert seeds(tmp_path) == {"a": [[2] * 4] * 2 + [[0] * 4] * 2, "b": [[1] * 4] * 2 + nothing}
    assert ("INFO", "grass, class 0, is not called background: every class counts as a tag") in log
    with pytest.raises(UserError, match="a.npy: has class 2, expected integers from 0 to 1, the class - 1"):
        cam_seeds([*stuff, "--background", "0"])


def test_boxes_without_a_background_mark_nothing_outside(stuff, tmp_path):
    for name, label in (("a", "sky"), ("b", "cow")):
        (tmp_path / f"{name}.xml").write_text(XML.format(label))
    cam_seeds([*stuff, "--box_dir", str(tmp_path)])
    found = seeds(tmp_path)
    assert found["a"] == [[2, 2, 254, 254]] * 2 + [[254] * 4] * 2
    assert found["b"] == [[1, 1, 254, 254]] * 2 + [[254] * 4] * 2


def test_images_and_classes_without_a_box_take_the_seeds_of_tags_where_asked(stuff, tmp_path):
    (tmp_path / "a.xml").write_text(XML.format("sky"))
    argv = [*stuff, "--box_dir", str(tmp_path)]
    with pytest.raises(UserError, match="b.xml: no such file"):
        cam_seeds(argv)
    cam_seeds([*argv, "--partial_boxes"])
    assert seeds(tmp_path) == {
        "a": [[2, 2, 254, 254]] * 2 + [[0] * 4] * 2,
        "b": [[1] * 4] * 2 + [[254] * 4] * 2,
    }
    with pytest.raises(UserError, match="--partial_boxes is of the boxes in --box_dir"):
        cam_seeds([*stuff, "--partial_boxes"])


def test_given_labels_win_over_seeds_and_stand_where_there_is_no_cam(stuff, tmp_path, log):
    given = np.full((4, 4), 254, np.uint8)
    given[0, :2], given[3, 3] = [0, 255], 1
    for name in "ac":
        write_image(tmp_path / f"labels/{name}.png", given)
    write_cams(tmp_path / "cam/d.npy", {})
    write_image(tmp_path / "labels/d.png", given)
    cam_seeds([*stuff, "--label_dir", str(tmp_path / "labels")])
    found = seeds(tmp_path)
    assert found["a"] == [[0, 255, 2, 2], [2] * 4, [0] * 4, [0, 0, 0, 1]]
    assert found["b"] == [[1] * 4] * 2 + [[254] * 4] * 2
    assert found["c"] == found["d"] == given.tolist()
    assert ("INFO", "1 labels without a CAM are copied as they are") in log
    cam_seeds([*stuff, "--label_dir", str(tmp_path / "labels"), "--only_missing"])
    assert seeds(tmp_path)["a"] == [[0, 255, 2, 2], [2] * 4, [254] * 4, [254] * 3 + [1]]
    with pytest.raises(UserError, match="--only_missing is of the labels in --label_dir"):
        cam_seeds([*stuff, "--only_missing"])


def test_images_without_a_tag_stay_unlabelled_where_their_size_is_known_and_end_nothing(stuff, tmp_path, log):
    for name in "de":
        write_cams(tmp_path / f"cam/{name}.npy", {})
    cam_seeds(stuff)
    assert set(seeds(tmp_path)) == {"a", "b"}
    assert ("WARNING", "2 images without a tag get no seeds (--image_dir would say their size): d, e") in log
    write_image(tmp_path / "images/d.jpg", np.zeros((4, 6, 3), np.uint8))
    cam_seeds([*stuff, "--image_dir", str(tmp_path / "images")])
    found = seeds(tmp_path)
    assert set(found) == {"a", "b", "d"} and found["d"] == [[254] * 6] * 4
    assert ("WARNING", "1 images without a tag stay unlabelled: d") in log
    assert ("WARNING", "1 images without a tag get no seeds (not in --image_dir): e") in log


def test_labels_that_cannot_be_laid_over_seeds_are_refused(stuff, tmp_path):
    write_image(tmp_path / "labels/a.png", np.zeros((4, 5), np.uint8))
    argv = [*stuff, "--label_dir", str(tmp_path / "labels")]
    with pytest.raises(UserError, match="labels/a.png: is 5×4 pixels, the CAM .*a.npy is 4×4$"):
        cam_seeds(argv)
    write_image(tmp_path / "labels/e.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "e.xml").write_text(XML.format("sky"))
    with pytest.raises(UserError, match="no CAM of e, which --box_dir has boxes of"):
        cam_seeds([*argv, "--box_dir", str(tmp_path), "--partial_boxes"])
    assert seeds(tmp_path) == {}


@pytest.mark.parametrize("change", [["--background", "none"], ["--label_dir"], ["--box_dir", "--partial_boxes"]])
def test_how_seeds_are_laid_is_remembered(stuff, tmp_path, change):
    (tmp_path / "names.txt").write_text("background\ngrass\ncow\nsky\n")
    for name in "ab":
        write_image(tmp_path / f"labels/{name}.png", np.zeros((4, 4), np.uint8))
        (tmp_path / f"labels/{name}.xml").write_text(XML.format("sky"))
    cam_seeds(stuff)
    more = [change[0], str(tmp_path / "labels"), *change[1:]] if "none" not in change else change
    with pytest.raises(UserError, match="made with other settings: "):
        cam_seeds([*stuff, "--skip_existing", *more])


@pytest.mark.parametrize("changed", ["cam/a.npy", "xml/a.xml", "labels/a.png"])
def test_seeds_are_made_again_where_what_they_are_made_of_has_changed(stuff, tmp_path, changed):
    (tmp_path / "xml").mkdir()
    for name in "ab":
        (tmp_path / f"xml/{name}.xml").write_text(XML.format("sky"))
        write_image(tmp_path / f"labels/{name}.png", np.full((4, 4), 254, np.uint8))
    argv = [*stuff, "--skip_existing", "--label_dir", str(tmp_path / "labels"), "--box_dir", str(tmp_path / "xml")]
    cam_seeds(argv)
    for name in "ab":
        write_image(tmp_path / f"out/{name}.png", np.full((4, 4), 9, np.uint8))
    make_later(tmp_path / changed)
    cam_seeds(argv)
    assert (seeds(tmp_path)["a"] == [[9] * 4] * 4, seeds(tmp_path)["b"] == [[9] * 4] * 4) == (False, True)


def test_seeds_of_other_boxes_or_regions_that_have_changed_do_not_pass_for_new_ones(stuff, tmp_path):
    for folder in ("xml", "others"):
        (tmp_path / folder).mkdir()
        for name in "ab":
            (tmp_path / folder / f"{name}.xml").write_text(XML.format("sky"))
            write_image(tmp_path / f"regions/{name}.png", np.zeros((4, 4), np.uint8))
    cam_seeds([*stuff, "--box_dir", str(tmp_path / "xml")])
    with pytest.raises(UserError, match="made with other settings: box_dir was '.*xml', is '.*others'"):
        cam_seeds([*stuff, "--box_dir", str(tmp_path / "others"), "--skip_existing"])
    argv = [*stuff, "--region_dir", str(tmp_path / "regions")]
    cam_seeds(argv)
    before = seeds(tmp_path)
    write_image(tmp_path / "regions/a.png", np.array([[0] * 4] * 2 + [[1] * 4] * 2, np.uint8))
    make_later(tmp_path / "regions/a.png")
    cam_seeds([*argv, "--skip_existing"])
    found = seeds(tmp_path)
    assert found["a"] != before["a"] and found["b"] == before["b"]


def test_seeds_of_a_list_alone_and_all_other_labels_as_they_are(stuff, tmp_path, log):
    for name in "abc":
        write_image(tmp_path / f"labels/{name}.png", np.full((4, 4), 254, np.uint8))
    (tmp_path / "b.xml").write_text(XML.format("sky"))
    argv = [*stuff, "--label_dir", str(tmp_path / "labels"), "--data_list", str(tmp_path / "list.txt")]
    (tmp_path / "list.txt").write_text("a.png\n")
    cam_seeds([*argv, "--box_dir", str(tmp_path), "--partial_boxes"])
    found = seeds(tmp_path)
    assert found["b"] == found["c"] == [[254] * 4] * 4 and found["a"] != found["b"]
    assert ("INFO", "2 labels not listed are copied as they are") in log
    (tmp_path / "list.txt").write_text("c.png\n")
    with pytest.raises(UserError, match="cam: no CAM of c, which --data_list names"):
        cam_seeds(argv)
    (tmp_path / "list.txt").write_text("")
    cam_seeds([*argv, "--cam_dir", str(tmp_path / "none")])
    assert set(map(str, seeds(tmp_path).values())) == {str([[254] * 4] * 4)}


def test_scores_are_averaged_over_regions(tmp_path):
    write_cams(tmp_path / "cam/a.npy", {0: np.array([[1, 0.2, 0, 0]] * 2), 1: np.array([[0.3, 0.7, 0.2, 0.0]] * 2)})
    write_image(tmp_path / "regions/a.png", np.array([[0, 0, 1, 1]] * 2, np.uint8))
    (tmp_path / "names.txt").write_text("dog\ncat\n")
    argv = ["--cam_dir", str(tmp_path / "cam"), "--class_names", str(tmp_path / "names.txt"), "--workers", "0"]
    argv += ["--save_dir", str(tmp_path / "out"), "--region_dir", str(tmp_path / "regions")]
    cam_seeds([*argv, "--threshold", "0"])
    assert read_label(tmp_path / "out/a.png").tolist() == [[0, 0, 1, 1]] * 2
    cam_seeds(argv)  # 0.1, the mean of the second region, is below the threshold of tags
    assert read_label(tmp_path / "out/a.png").tolist() == [[0, 0, 254, 254]] * 2
    with pytest.raises(UserError, match="--region_dir is of tags alone.*box_seeds.py"):
        cam_seeds([*argv, "--box_dir", str(tmp_path)])
    write_image(tmp_path / "regions/a.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(UserError, match="regions/a.png: is 4×3 pixels, the CAM .*a.npy is 4×2$"):
        cam_seeds(argv)


def test_over_regions_the_background_competes_by_its_own_score():
    scores = np.array([[[0.9, 0.7, 0.3, 0.1, 0.2, 0.0]]], np.float32)
    regions = np.array([[0, 0, 1, 1, 2, 2]])
    seeds = region_tag_seeds(np.array([3]), scores, regions)  # means 0.8, 0.2, 0.1; (1 - 0.2)^6 = 0.26
    assert seeds.tolist() == [[3, 3, 0, 0, 0, 0]]


@given(arrays(np.float32, (3, 4, 5), elements=st.floats(0.0625, 1, width=16)))
def test_balanced_scores_divide_shares_by_a_root_of_their_mean(scores):
    shares = np.zeros_like(scores)
    for y, x in np.ndindex(4, 5):
        shares[:, y, x] = scores[:, y, x] / sum(scores[:, y, x])
    for share, found in zip(shares, balanced(scores), strict=True):
        np.testing.assert_allclose(found, share / np.sqrt(share.mean()), rtol=1e-4)
