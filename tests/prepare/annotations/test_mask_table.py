import pytest

from spml.errors import UserError
from spml.prepare.annotations.mask_table import read_mask_table


@pytest.mark.parametrize(
    "text",
    [
        "cow 255 0 16\nright hand 0 128 0",
        "cow,255,0,16\nright hand,0,128,0",
        "name,r,g,b\ncow,255,0,16\nright hand,0,128,0",
        "255 0 16\tcow\n0 128 0\tright hand",
        "cow #ff0010\nright hand #008000",
        "#ff0010 cow\n#008000 right hand",
        "# label:color_rgb:parts:actions\ncow:255,0,16::\nright hand:0,128,0:head,foot:",
    ],
)
def test_names_and_colours_are_found_in_every_usual_order(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    table = read_mask_table(tmp_path / "t.txt")
    assert table.colours == {0xFF0010: "cow", 0x008000: "right hand"}
    assert table.numbers == {0: "cow", 1: "right hand"}


@pytest.mark.parametrize("text", ["7 cow\n2 grass", "cow,7\ngrass,2", "7: cow\n2: grass"])
def test_lines_may_state_their_number(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    assert read_mask_table(tmp_path / "t.txt").numbers == {7: "cow", 2: "grass"}


def test_names_alone_count_from_zero(tmp_path):
    (tmp_path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:::\ncow:::\n")
    assert read_mask_table(tmp_path / "labelmap.txt").numbers == {0: "background", 1: "cow"}


@pytest.mark.parametrize("text", ["", "1 2 3\n", "cow 1 2 3\ngrass 1 2 3", "1 cow\n1 grass"])
def test_tables_that_say_nothing_or_two_things_are_refused(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(UserError, match="t.txt"):
        read_mask_table(tmp_path / "t.txt")


@pytest.mark.parametrize(
    ("line", "name", "number"),
    [
        ("zone 1 128 0 0", "zone 1", 0),
        ("7 128 0 0 cow", "cow", 7),
        ("7,cow,128,0,0", "cow", 7),
        ("7 cow #800000", "cow", 7),
        ("cow:128,0,0::", "cow", 0),
    ],
)
def test_a_number_may_stand_before_a_name_and_its_colour(tmp_path, line, name, number):
    (tmp_path / "table.txt").write_text(line + "\n")
    table = read_mask_table(tmp_path / "table.txt")
    assert table.colours == {0x800000: name} and table.numbers == {number: name}


def test_a_number_in_front_of_some_lines_alone_is_of_the_name(tmp_path):
    (tmp_path / "table.txt").write_text("road 0 0 128\n2 wheeler 128 0 0\n4 wheeler 0 128 0\n")
    table = read_mask_table(tmp_path / "table.txt")
    assert [*table.colours.values()] == ["road", "2 wheeler", "4 wheeler"] and [*table.numbers] == [0, 1, 2]


@pytest.mark.parametrize(
    "text", ["cow 128 0 300\ngrass 0 1 2", '{"0": "cow"}', '[{"name": "cow", "color": [1, 2, 3]}]']
)
def test_colours_beyond_255_and_json_are_refused(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(UserError, match="t.txt.*: expected a name"):
        read_mask_table(tmp_path / "t.txt")
