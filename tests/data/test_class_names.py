"""Tables of class names: the published ones, and those of a file."""

import pytest

from spml.data.class_names import (
    DENSEPOSE_CLASSES,
    VOC_CLASSES,
    class_id,
    has_background,
    later_background,
    read_class_names,
)
from spml.errors import UserError


def test_tables_have_the_published_places():
    assert len(VOC_CLASSES) == 21 and len(DENSEPOSE_CLASSES) == 15
    assert (VOC_CLASSES[1], VOC_CLASSES[15], VOC_CLASSES[20]) == ("aeroplane", "person", "tvmonitor")
    assert (DENSEPOSE_CLASSES[2], DENSEPOSE_CLASSES[4], DENSEPOSE_CLASSES[14]) == ("right hand", "left foot", "head")


def test_mirroring_swaps_exactly_left_and_right_names():
    mirrored = [0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14]
    sides = {"left": "right", "right": "left"}
    for name, other in zip(DENSEPOSE_CLASSES, mirrored, strict=True):
        assert DENSEPOSE_CLASSES[other] == " ".join(sides.get(word, word) for word in name.split())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("background", 0), ("Dining Table", 11), ("potted-plant", 16), ("plane", 1), ("tv", 20), ("monitor", 20)],
)
def test_names_are_found_whatever_their_spelling(name, expected):
    assert class_id(name, VOC_CLASSES, "here") == expected


@pytest.mark.parametrize("name", ["unicorn", "", "  "])
def test_an_unknown_name_is_an_error_that_says_where(name):
    with pytest.raises(UserError, match="a.xml: unknown class"):
        class_id(name, VOC_CLASSES, "a.xml")


def test_a_synonym_counts_only_where_its_class_exists():
    with pytest.raises(UserError):
        class_id("tv", ("background", "striped"), "here")


def test_class_names_come_from_a_file(tmp_path):
    (tmp_path / "names.txt").write_text("background\nstriped\n\ndotted\n")
    assert read_class_names(tmp_path / "names.txt") == ("background", "striped", "dotted")
    assert read_class_names(None) == VOC_CLASSES


def test_class_names_are_as_many_as_the_classes(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbfbackground\nstra\xc3\x9fe\n")
    assert read_class_names(tmp_path / "names.txt", 2) == ("background", "straße")
    assert read_class_names(None, 21) == VOC_CLASSES
    with pytest.raises(UserError, match="names.txt: 2 names, expected 3"):
        read_class_names(tmp_path / "names.txt", 3)
    with pytest.raises(UserError, match="the VOC classes: 21 names, expected 15"):
        read_class_names(None, 15)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("background\n", "1 names, expected 2 to 254, one a line, in the order of ids$"),
        ("cow\n", "1 names, expected 2 to 254, one a line, in the order of ids; add background as the first line$"),
        ("a\nb\nA\n", "'a' and 'A' are one name"),
        ("a\na\n", "'a' and 'a' are one name"),
        ("a\n---\nb\n", "'---' is no name"),
        ("".join(f"c{n}\n" for n in range(300)), "300 names"),
    ],
)
def test_impossible_class_names_are_refused(tmp_path, content, message):
    (tmp_path / "names.txt").write_text(content)
    with pytest.raises(UserError, match=f"names.txt: {message}"):
        read_class_names(tmp_path / "names.txt")
    with pytest.raises(UserError, match="nowhere"):
        read_class_names(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "is_one"), [("background", True), ("_Background_", True), ("0: background", True), ("back", False)]
)
def test_a_background_is_told_by_its_name(name, is_one):
    assert has_background([name, "cow"]) == is_one


@pytest.mark.parametrize(
    ("names", "later"),
    [(["cow", "_Background_"], "_Background_"), (["background", "cow"], ""), (["cow", "sky"], "")],
)
def test_a_background_that_is_not_the_first_class_is_found(names, later):
    assert later_background(names) == later
