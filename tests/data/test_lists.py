"""Data lists: what is read, and what is said of a list that is wrong."""

from pathlib import Path

import pytest

from spml.data.lists import Sample, listed_ids, read_list, split_fields, write_list
from spml.errors import UserError


@pytest.fixture
def read(tmp_path):
    """Reads list text beside a folder that holds i/a.jpg, i/b.jpg, s/a.png, s/b.png, r/a.png, r/b.png."""
    for name in ("i/a.jpg", "i/b.jpg", "s/a.png", "s/b.png", "r/a.png", "r/b.png", "other/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    def from_text(text, **options):
        (tmp_path / "list.txt").write_text(text)
        return read_list(tmp_path, tmp_path / "list.txt", **options)

    return from_text


def complaint(function, *args, **options):
    with pytest.raises(UserError) as error:
        function(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_line_names_an_image_and_its_labels(read, tmp_path):
    samples = read("i/a.jpg s/a.png r/a.png\n\ni/b.jpg s/b.png r/b.png\r\n")
    assert samples[0] == Sample(tmp_path / "i/a.jpg", tmp_path / "s/a.png", tmp_path / "r/a.png")
    assert [s.id for s in samples] == ["a", "b"]


def test_a_list_is_utf_8_with_or_without_a_byte_order_mark(tmp_path):
    for name in ("straße.jpg", "s.png", "r.png"):
        (tmp_path / name).touch()
    for text in ("straße.jpg s.png r.png\n", "\ufeffstraße.jpg s.png r.png\n"):
        (tmp_path / "list.txt").write_bytes(text.encode())
        assert [sample.id for sample in read_list(tmp_path, tmp_path / "list.txt")] == ["straße"]


def test_a_path_that_no_system_can_hold_is_a_missing_file(read):
    assert "not found" in complaint(read, f"i/a.jpg {'x' * 300} r/a.png")
    assert len(complaint(read, f"i/a.jpg {'x' * 100_000} r/a.png")) < 1000
    assert "not found" in complaint(read, "i/a.jpg s\0a.png r/a.png")


def test_a_line_with_an_image_alone_is_read_where_no_label_is_needed(read, tmp_path):
    assert read("i/a.jpg\n", need_labels=False) == [Sample(tmp_path / "i/a.jpg")]
    assert "list.txt, line 1" in complaint(read, "i/a.jpg\n")


def test_a_folder_of_pseudo_labels_takes_the_place_of_the_label_column(read, tmp_path):
    (sample,) = read("i/a.jpg s/a.png r/a.png", semantic_dir=tmp_path / "other")
    assert sample.semantic == tmp_path / "other" / "a.png"
    assert sample.instance == tmp_path / "r/a.png"
    assert read("i/a.jpg", need_labels=False, semantic_dir=tmp_path / "other")[0].semantic is None


@pytest.mark.parametrize("line", ["i/a.jpg s/a.png", "i/a.jpg s/a.png r/a.png r/a.png"])
@pytest.mark.parametrize("need_labels", [True, False])
def test_a_malformed_line_is_an_error_that_names_its_number(read, line, need_labels):
    message = complaint(read, f"i/b.jpg s/b.png r/b.png\n{line}\n", need_labels=need_labels)
    assert "list.txt, line 2" in message
    assert line in message


@pytest.mark.parametrize("text", ["", "\n\n", "   \n"])
def test_an_empty_list_is_an_error(read, text):
    assert "is empty" in complaint(read, text)


def test_a_missing_or_binary_list_is_an_error_that_names_it(tmp_path):
    assert "nowhere.txt" in complaint(read_list, tmp_path, tmp_path / "nowhere.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x80")
    assert "binary.txt" in complaint(read_list, tmp_path, tmp_path / "binary.txt")


def test_missing_files_are_an_error_that_names_the_first_and_counts_the_rest(read, tmp_path):
    message = complaint(read, "i/a.jpg s/a.png r/a.png\ni/c.jpg s/c.png r/b.png\n")
    assert f"{tmp_path / 'i/c.jpg'} and 1 more not found" in message
    assert f"{tmp_path / 's/a.png'}" not in message
    assert "other/b.png" in complaint(read, "i/b.jpg s/b.png r/b.png", semantic_dir=tmp_path / "other")


def test_two_images_of_one_name_or_one_image_twice_are_an_error_that_names_both_lines(read, tmp_path):
    message = complaint(read, "i/a.jpg s/a.png r/a.png\n\nother/a.png s/a.png r/a.png")
    assert str(tmp_path / "i/a.jpg") in message
    assert str(tmp_path / "other/a.png") in message
    assert "lines 1 and 3" in message
    assert "lines 1 and 2" in complaint(read, "i/a.jpg s/a.png r/a.png\ni/a.jpg s/a.png r/a.png")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("path", ["../b.png", "i/../../b.png", "{tmp}/b.png", "/etc/hostname"])
def test_a_path_that_leaves_the_data_directory_is_refused_unless_allowed(read, tmp_path, place, path):
    (tmp_path / "data/i").mkdir(parents=True)
    (tmp_path / "b.png").touch()
    (tmp_path / "data/c.png").touch()
    fields = ["c.png"] * 3
    fields[place] = path.format(tmp=tmp_path)
    (tmp_path / "list.txt").write_text("\n" + " ".join(fields))
    message = complaint(read_list, tmp_path / "data", tmp_path / "list.txt")
    assert "list.txt, line 2" in message and "leaves --data_dir" in message and "dataset.allow_outside: true" in message
    assert len(read_list(tmp_path / "data", tmp_path / "list.txt", allow_outside=True)) == 1


def test_links_and_roundabout_paths_within_the_data_directory_are_read(read, tmp_path):
    (tmp_path / "linked").symlink_to(tmp_path.parent)
    (tmp_path.parent / "far.jpg").touch()
    assert len(read(f"i/../i/a.jpg s/a.png {tmp_path}/r/a.png\nlinked/far.jpg s/b.png r/b.png")) == 2


def test_a_written_list_is_read_back(read, tmp_path):
    rows = [("i/a.jpg", "s/a.png", "r/a.png"), (Path("i/b.jpg"), Path("s/b.png"), Path("r/b.png"))]
    write_list(tmp_path / "new.txt", rows)
    assert [s.id for s in read_list(tmp_path, tmp_path / "new.txt")] == ["a", "b"]


@pytest.mark.parametrize("name", ["my photo", 'a "b" c', '"', "tab\tin", "  two  ", "#1", "l'été", "ﬁn\u00a0x"])
def test_names_with_white_space_stand_between_quotes(tmp_path, name):
    rows = [(f"images/{name}.jpg", f"semantic/{name}.png", f'"{name}".png'), ("b.jpg", "b.png", "c.png")]
    for path in (path for row in rows for path in row):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    write_list(tmp_path / "list.txt", rows)
    sample, other = read_list(tmp_path, tmp_path / "list.txt")
    assert (sample.image, sample.semantic, sample.instance) == tuple(tmp_path / path for path in rows[0])
    assert other.id == "b" and listed_ids(tmp_path / "list.txt") == [Path(rows[0][0]).stem, "b"]


def test_only_a_field_that_begins_with_a_quote_is_quoted(read):
    assert split_fields('a"b" "c d"  e" ""', "here") == ['a"b"', "c d", 'e"', ""]
    for line in ('"a b', 'c "a b"d', '"'):
        assert "list.txt, line 1: expected a second quote" in complaint(read, line, need_labels=False)


def test_a_name_with_a_line_break_is_refused(tmp_path):
    assert "has a line break" in complaint(write_list, tmp_path / "list.txt", [("a\nb.jpg",)])
    assert not (tmp_path / "list.txt").exists()


def test_ids_are_those_of_the_images_each_once(tmp_path):
    (tmp_path / "list.txt").write_bytes('\ufeffi/a.jpg s.png r.png\n\n"i/b c.jpg"\ni/a.jpg\n'.encode())
    assert listed_ids(tmp_path / "list.txt") == ["a", "b c"]
    (tmp_path / "list.txt").write_text("\n")
    assert "--data_list" in complaint(listed_ids, tmp_path / "list.txt")
