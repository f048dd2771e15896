import pytest

from spml.errors import UserError
from spml.prepare.splits import read_split


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a\nb\na\n", "a occurs twice"),
        ("../../etc/passwd\n", "is no image id"),
        ("2007_000032 1\n", "is no image id"),
        ("a\x00b\n", "is no image id"),
    ],
)
def test_broken_split_files_are_refused(tmp_path, content, message):
    (tmp_path / "train.txt").write_text(content)
    with pytest.raises(UserError, match=f"train.txt: .*{message}"):
        read_split(tmp_path / "train.txt")


def test_a_split_file_keeps_its_order(tmp_path):
    (tmp_path / "train.txt").write_text("b\r\n\r\na\r\n")
    assert read_split(tmp_path / "train.txt") == ["b", "a"]
    with pytest.raises(UserError, match="none.txt: cannot be read"):
        read_split(tmp_path / "none.txt")
