import numpy as np
import pytest

from spml.errors import UserError
from spml.prepare.annotations.formats import read_annotations
from spml.prepare.annotations.model import Polygon, Rectangle

LINES = "0 0.5 0.5 0.2 0.4\n\n1 0.0 0.0 1.0 0.0 1.0 0.5\n"
NO_BACKGROUND = {"names": ("cow", "grass"), "background": False}


def test_boxes_and_polygons_are_in_shares_of_the_image(read_content):
    (found,) = read_content("a.txt", LINES, **NO_BACKGROUND)
    box, polygon = found.shapes
    assert found.relative and isinstance(box, Rectangle) and isinstance(polygon, Polygon)
    assert np.allclose((box.left, box.top, box.right, box.bottom), (0.4, 0.3, 0.6, 0.7))
    assert [box.name, polygon.name] == ["cow", "grass"] and polygon.rings[0].tolist() == [[0, 0], [1, 0], [1, 0.5]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.yaml", "names: [grass, cow]"),
        ("data.yaml", "names: {1: cow, 0: grass}"),
        ("obj.names", "grass\ncow\n"),
        ("classes.txt", "__ignore__\ngrass\ncow\n"),
    ],
)
def test_names_beside_the_file_say_what_numbers_mean(read_content, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert [each.name for each in read_content("a.txt", LINES)[0].shapes] == ["grass", "cow"]


def test_numbers_mean_nothing_without_names_where_there_is_a_background(read_content):
    with pytest.raises(UserError, match="its class numbers mean nothing without a data.yaml"):
        read_content("a.txt", LINES)


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.2",
        "0 0.5 0.5 0.2 0.1 0.9",
        "x 0.1 0.1 0.1 0.1",
        "0 0.5 0.5 0.2 nan",
        "0 0.5 0.5 7 0.2",
        "0 0.5 0.5 -0.2 0.2",
        "0 0.5 0.5 0.2 a",
    ],
)
def test_broken_lines_are_refused_by_file_and_number(read_content, line):
    with pytest.raises(UserError, match="a.txt, line 4: "):
        read_content("a.txt", LINES + line, **NO_BACKGROUND)


@pytest.mark.parametrize("table", ["names: 3", "a: &a [x, x]\nnames: [*a, cow]", "names: [" + "1" * 5000 + "]", "- x"])
def test_a_broken_table_of_names_is_refused(read_content, tmp_path, table):
    (tmp_path / "data.yaml").write_text(table)
    with pytest.raises(UserError, match="data.yaml: expected 'names:'"):
        read_content("a.txt", LINES)


@pytest.mark.parametrize("place", ["coco8.yaml", "set.yml", "mine.names", "_darknet.labels"])
def test_tables_of_names_may_be_called_otherwise_and_lie_in_the_folder_that_was_named(tmp_path, context, place):
    folder = tmp_path / "given" / "data" / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text(LINES)
    content = "path: .\nnames: [sky, sea]\n" if place.endswith("ml") else "sky\nsea\n"
    (tmp_path / "given" / place).write_text(content)
    (tmp_path / "given" / "other.yaml").write_text("epochs: 3\n")
    (found,) = read_annotations([tmp_path / "given"], context(**NO_BACKGROUND)).annotations
    assert [each.name for each in found.shapes] == ["sky", "sea"]


def test_poses_give_their_boxes(read_content, tmp_path):
    (tmp_path / "data.yaml").write_text("names: [cow]\nkpt_shape: [4, 2]\n")
    (box,) = read_content("a.txt", "0 .5 .5 .2 .2 .1 .1 .9 .1 .9 .9 .1 .9\n")[0].shapes
    assert isinstance(box, Rectangle) and (box.left, box.right) == pytest.approx((0.4, 0.6))


def test_a_table_above_the_folder_that_was_named_counts_only_by_a_known_name(tmp_path, context):
    (tmp_path / "given" / "labels").mkdir(parents=True)
    (tmp_path / "given" / "labels" / "a.txt").write_text(LINES)
    (tmp_path / "given" / "other.yaml").write_text("names: [sky, sea]\n")
    read = lambda path: [s.name for s in read_annotations([path], context(**NO_BACKGROUND)).annotations[0].shapes]  # noqa: E731
    assert read(tmp_path / "given" / "labels") == ["cow", "grass"] and read(tmp_path / "given") == ["sky", "sea"]
    (tmp_path / "given" / "more.yaml").write_text("names: [sea, sky]\n")
    with pytest.raises(UserError, match="(more|other).yaml and .*(more|other).yaml name other classes; call the one"):
        read(tmp_path / "given")
    (tmp_path / "given" / "data.yaml").write_text("names: [dog, cat]\n")
    (tmp_path / "given" / "dataset.yaml").write_text("epochs: 3\n")  # behind a good one, nobody looks
    assert read(tmp_path / "given" / "labels") == ["dog", "cat"]


@pytest.mark.parametrize("line", ["0 20 20 10 10", "0 nan nan nan nan", "0.0 0.5 0.5 0.1 0.1", "0 0.5 x 0.1 0.1"])
def test_a_broken_file_called_as_a_photograph_is_refused_in_a_folder_too(tmp_path, context, line):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(line)
    with pytest.raises(UserError, match="a.txt, line 1: expected "):
        read_annotations([tmp_path / "labels"], context(**NO_BACKGROUND))


def test_an_empty_file_says_that_nothing_is_in_the_photograph(tmp_path, context):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("\n")
    reading = read_annotations([tmp_path / "labels"], context())
    assert [(each.name, each.shapes) for each in reading.annotations] == [("a", [])] and reading.files == {
        "YOLO text": 1
    }


@pytest.mark.parametrize("names", ["names: {.inf: cat}", "names: cat", "names: 3"])
def test_names_that_are_no_list_are_refused(read_content, tmp_path, names):
    (tmp_path / "data.yaml").write_text(names)
    with pytest.raises(UserError, match="data.yaml: expected 'names:' with a list"):
        read_content("a.txt", LINES)
