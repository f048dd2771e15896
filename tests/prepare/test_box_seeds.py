"""Seeds of boxes and regions: the rule against plain loops, labels over them, and files that do not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from raw_data import make_later

from spml.data.boxes import Box
from spml.data.files import read_label, write_image
from spml.errors import UserError
from spml.prepare.box_seeds import box_seeds
from spml.prepare.region_rules import BOX_SHARE, averaged_over_regions, region_box_seeds

SIZE = (5, 6)
sides = st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 6), st.integers(1, 5))
some_boxes = st.lists(
    st.builds(
        lambda c, s: Box(c, s[0], s[1], min(s[0] + s[2], SIZE[1]), min(s[1] + s[3], SIZE[0])), st.integers(1, 3), sides
    ),
    max_size=4,
)


def area(box):
    return (box.right - box.left) * (box.bottom - box.top)


def shares(boxes, y, x):
    """{class: share} of a pixel, by loops: 1 / the area of its smallest box there, of the sum of these."""
    weights = {}
    for box in boxes:
        if box.top <= y < box.bottom and box.left <= x < box.right:
            weights[box.class_id] = max(weights.get(box.class_id, 0), 1 / area(box))
    return {label: weight / sum(weights.values()) for label, weight in weights.items()}


@given(some_boxes, arrays(np.uint8, SIZE, elements=st.integers(0, 4)), st.booleans())
def test_pixels_take_the_covering_class_of_most_of_their_region(boxes, regions, background):
    seeds = region_box_seeds(boxes, regions, background)
    rest = 0 if background else 254
    lost = np.zeros(SIZE, bool)
    for box in boxes if background else ():
        if not (seeds[box.inside] == box.class_id).any():
            lost[box.inside] = True
    for y, x in np.ndindex(SIZE):
        found = [shares(boxes, *place) for place in np.argwhere(regions == regions[y, x]).tolist()]
        mean = {label: sum(each.get(label, 0) for each in found) / len(found) for label in shares(boxes, y, x)}
        if not mean:
            assert seeds[y, x] == rest
            continue
        best = max(mean, key=mean.get)
        inside = sum(best in each for each in found) / len(found)
        if not any(np.isclose(value, mean[best]) for label, value in mean.items() if label != best):
            unsure = 254 if lost[y, x] else rest
            assert seeds[y, x] == (unsure if background and inside < BOX_SHARE else best)


def test_the_smaller_box_is_in_front_and_the_border_is_that_of_regions():
    regions = np.zeros((10, 10), np.uint8)
    regions[3:6, 3:6] = 1
    boxes = [Box(1, 0, 0, 10, 10), Box(2, 2, 2, 7, 7)]
    for order in (boxes, boxes[::-1]):
        seeds = region_box_seeds(order, regions, background=False)
        assert (seeds == np.where(regions == 1, 2, 1)).all()
    assert (region_box_seeds(boxes[1:], regions) == np.where(regions == 1, 2, 0)).all()
    assert region_box_seeds(boxes[1:], regions, background=False)[0, 0] == 254


def test_a_box_smaller_than_its_region_has_no_background_beside_a_background():
    regions = np.zeros((10, 20), np.uint8)
    seeds = region_box_seeds([Box(1, 2, 2, 6, 6)], regions)
    assert (seeds[2:6, 2:6] == 254).all() and (seeds == 0).sum() == 200 - 16


@given(arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=16)), arrays(np.uint8, (3, 4)))
def test_region_means_equal_a_loop(values, regions):
    means = averaged_over_regions(values, regions)
    for region in np.unique(regions):
        for value, mean in zip(values, means, strict=True):
            np.testing.assert_allclose(mean[regions == region], value[regions == region].mean(), atol=1e-6)


@pytest.fixture
def folders(tmp_path):
    """A cat's box over a region of a 4×6 image, names with a background, and the flags."""
    box = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>4</ymax></bndbox></object>"
    (tmp_path / "xml").mkdir()
    size = "<size><width>6</width><height>4</height></size>"
    (tmp_path / "xml/a.xml").write_text(f"<annotation>{size}{box}</annotation>")
    (tmp_path / "names.txt").write_text("background\ndog\ncat\n")
    for name in "ab":
        write_image(tmp_path / f"regions/{name}.png", np.repeat([[0, 0, 1, 1, 2, 2]], 4, 0).astype(np.uint8))
    (tmp_path / "list.txt").write_text("images/a.png\nimages/b.png\n")
    flags = {"box_dir": "xml", "region_dir": "regions", "class_names": "names.txt", "save_dir": "out"}
    flags["data_list"] = "list.txt"
    return ["--workers", "0"] + [word for flag, name in flags.items() for word in (f"--{flag}", str(tmp_path / name))]


def test_labels_win_and_images_without_boxes_keep_theirs(tmp_path, folders):
    label = np.full((4, 6), 254, np.uint8)
    write_image(tmp_path / "labels/b.png", label)
    label[0, 0] = 1
    write_image(tmp_path / "labels/a.png", label)
    box_seeds([*folders, "--label_dir", str(tmp_path / "labels")])
    expected = np.repeat([[2, 2, 0, 0, 0, 0]], 4, 0)
    expected[0, 0] = 1
    assert read_label(tmp_path / "out/a.png").tolist() == expected.tolist()
    assert (read_label(tmp_path / "out/b.png") == 254).all()


@pytest.mark.parametrize("known_by", ["tag", "label"])
def test_where_something_else_is_known_to_be_the_outside_of_boxes_is_no_background(tmp_path, folders, known_by):
    if known_by == "tag":
        (tmp_path / "tags.txt").write_text("a 1 2\nb\n")
        box_seeds([*folders, "--tags_file", str(tmp_path / "tags.txt")])
        assert read_label(tmp_path / "out/a.png")[0].tolist() == [2, 2, 254, 254, 254, 254]
    else:
        for name in "ab":
            write_image(tmp_path / f"labels/{name}.png", np.array([[254] * 5 + [1]] * 4, np.uint8))
        box_seeds([*folders, "--label_dir", str(tmp_path / "labels")])
        assert read_label(tmp_path / "out/a.png")[0].tolist() == [2, 2, 254, 254, 254, 1]


def test_tags_are_of_all_images_and_decide_what_is_kept(tmp_path, folders, caplog):
    caplog.set_level("INFO")
    tags = tmp_path / "tags.txt"
    tags.write_text("A 1 2\nb\n")
    with pytest.raises(UserError, match="tags.txt: has no line for a$"):
        box_seeds([*folders, "--tags_file", str(tags)])
    tags.write_text("a 2\nb\n")
    box_seeds([*folders, "--tags_file", str(tags)])
    assert "xml: boxes of 1 of 2 images" in caplog.text
    tags.write_text("a 1 2\nb\n")
    with pytest.raises(UserError, match="out was made with other settings: tags was"):
        box_seeds([*folders, "--tags_file", str(tags), "--skip_existing"])


@pytest.mark.parametrize("changed", ["xml/a.xml", "regions/a.png", "labels/a.png"])
def test_seeds_are_made_again_where_what_they_are_made_of_has_changed(tmp_path, folders, changed):
    for name in "ab":
        write_image(tmp_path / f"labels/{name}.png", np.full((4, 6), 254, np.uint8))
    argv = [*folders, "--label_dir", str(tmp_path / "labels"), "--skip_existing"]
    box_seeds(argv)
    for name in "ab":
        write_image(tmp_path / f"out/{name}.png", np.full((4, 6), 9, np.uint8))
    make_later(tmp_path / changed)
    box_seeds(argv)
    assert read_label(tmp_path / "out/a.png")[0].tolist() == [2, 2, 0, 0, 0, 0]
    assert (read_label(tmp_path / "out/b.png") == 9).all()


def test_files_of_other_sizes_and_missing_ones_are_named(tmp_path, folders):
    write_image(tmp_path / "labels/a.png", np.zeros((3, 6), np.uint8))
    with pytest.raises(UserError, match="labels/a.png: is 6×3 pixels, the image of --region_dir is"):
        box_seeds([*folders, "--label_dir", str(tmp_path / "labels")])
    write_image(tmp_path / "regions/a.png", np.zeros((3, 6), np.uint8))
    with pytest.raises(UserError, match="a.xml: states .*4, 6"):
        box_seeds(folders)
    (tmp_path / "regions/a.png").unlink()
    with pytest.raises(UserError, match="regions/a.png: no such image"):
        box_seeds(folders)
    assert not list((tmp_path / "out").glob("*.png"))


def test_the_script_ends_with_one_line_where_a_folder_is_missing(tmp_path, folders):
    folders[folders.index(str(tmp_path / "regions"))] = "nowhere"
    with pytest.raises(UserError, match="--region_dir nowhere"):
        box_seeds(folders)
