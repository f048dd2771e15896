"""Files of image tags: what is written comes back, and what is said of a file that is wrong."""

import pytest

from spml.data.tag_files import read_tags, write_tags
from spml.errors import UserError


def test_tags_come_back_as_written_each_once_and_ascending(tmp_path):
    write_tags(tmp_path / "tags.txt", {"straße": [3, 1], "a": [], "b": (2, 2), "my photo": [1]})
    assert read_tags(tmp_path / "tags.txt", 4) == {"a": (), "b": (2,), "my photo": (1,), "straße": (1, 3)}
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "tags.txt").read_bytes())
    assert read_tags(tmp_path / "bom.txt", 4) == read_tags(tmp_path / "tags.txt", 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1\na 2\n", "line 2: a occurs twice"),
        ("a 0\n", "with classes from 1 to 3"),
        ("\na 4\n", "line 2: expected 'ID class class ...'"),
        ("a -1\n", "not 'a -1'"),
        ("a ²\n", "not 'a ²'"),
        (f"a {'9' * 5000}\n", "with classes from 1 to 3"),
        ("\n \n", "is empty"),
    ],
)
def test_wrong_tags_are_an_error_that_names_the_line(tmp_path, text, message):
    (tmp_path / "tags.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_tags(tmp_path / "tags.txt", 4)
    assert message in str(error.value) and len(str(error.value)) < 1000


def test_tags_that_cannot_be_read_are_an_error(tmp_path):
    with pytest.raises(UserError, match="nowhere: cannot be read"):
        read_tags(tmp_path / "nowhere", 4)


def test_without_a_background_class_0_is_a_tag_like_others(tmp_path):
    write_tags(tmp_path / "tags.txt", {"a": [3, 0], "b": [0]})
    assert read_tags(tmp_path / "tags.txt", 4, first=0) == {"a": (0, 3), "b": (0,)}
    with pytest.raises(UserError, match="line 1: .*from 1 to 3, not 'a 0 3'; .*where dataset.background is none"):
        read_tags(tmp_path / "tags.txt", 4)
    (tmp_path / "tags.txt").write_text("a 4\n")
    with pytest.raises(UserError, match="from 0 to 3, not 'a 4'$"):
        read_tags(tmp_path / "tags.txt", 4, first=0)
