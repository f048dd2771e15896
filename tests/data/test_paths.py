"""Writing that is never half there, folders, text."""

import os

import pytest

from spml.data.paths import _HOST as HOST
from spml.data.paths import atomic_path, drop_partials, need_dir, read_text, visible_files, write_text
from spml.errors import UserError


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_an_exception_leaves_nothing_and_keeps_what_was_there(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as partial:
        partial.write_text("half of the n")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_nothing_is_seen_under_the_name_before_the_end(tmp_path):
    with atomic_path(tmp_path / "sub" / "a.txt") as partial:
        partial.write_text("new")
        assert not (tmp_path / "sub" / "a.txt").exists()
    assert (tmp_path / "sub" / "a.txt").read_text() == "new"
    assert [p.name for p in (tmp_path / "sub").iterdir()] == ["a.txt"]


def test_a_file_in_a_folders_place_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in complaint(write_text, tmp_path / "file" / "a.txt", "x")
    (tmp_path / "folder").mkdir()
    assert str(tmp_path / "folder") in complaint(write_text, tmp_path / "folder", "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_content_and_name_are_on_disk_before_the_writer_goes_on(tmp_path, monkeypatch):
    events = []
    flush, replace = os.fsync, os.replace

    def noted_flush(descriptor):
        events.append(("flush", os.readlink(f"/proc/self/fd/{descriptor}")))
        flush(descriptor)

    def noted_replace(source, target):
        events.append(("replace", str(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_text(tmp_path / "a.txt", "new")
    partial = str(tmp_path / f".a.{HOST}-{os.getpid()}.partial.txt")
    assert events == [("flush", partial), ("replace", str(tmp_path / "a.txt")), ("flush", str(tmp_path))]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(UserError, match="a.txt: cannot be written"), atomic_path(tmp_path / "a.txt"):
        pass


def test_text_is_utf_8_with_or_without_a_byte_order_mark(tmp_path):
    write_text(tmp_path / "a.txt", "Straße 图\n")
    assert (tmp_path / "a.txt").read_bytes() == "Straße 图\n".encode()
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbf" + "Straße\n".encode())
    assert (read_text(tmp_path / "a.txt", "list"), read_text(tmp_path / "bom.txt", "list")) == (
        "Straße 图\n",
        "Straße\n",
    )


@pytest.mark.parametrize("name", ["latin.txt", "nowhere", "a\0b", "x" * 300, "folder"])
def test_text_that_cannot_be_read_is_an_error_that_says_what_for(tmp_path, name):
    (tmp_path / "latin.txt").write_bytes("Straße".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    assert complaint(read_text, tmp_path / name, "data list").startswith(f"data list {tmp_path / name}: cannot be read")


def test_a_folder_that_is_not_there_is_an_error_that_says_what_for(tmp_path):
    assert need_dir(tmp_path, "--data_dir") == tmp_path
    assert complaint(need_dir, tmp_path / "x", "--data_dir").startswith(f"--data_dir {tmp_path / 'x'}")


def test_what_a_killed_process_left_half_written_is_no_file_of_a_folder(tmp_path):
    for name in ("b.npy", "a.npy", ".c.17.partial.npy", "a.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.npy").mkdir()
    assert [path.name for path in visible_files(tmp_path, "*.npy")] == ["a.npy", "b.npy"]


def test_half_written_files_of_killed_processes_are_swept_and_those_of_others_stay(tmp_path):
    nobody = 2**22 + 1  # beyond the process numbers of Linux
    left = [f".a.{HOST}-{nobody}.partial.png", f".b.{HOST}-{os.getpid()}.partial.pth", f".c.{HOST}-{nobody}.partial"]
    kept = [
        f".a.{HOST}-{os.getppid()}.partial.png",
        f".a.01234567-{nobody}.partial.png",
        ".made.partial",
        "a.partial.txt",
    ]
    for name in (*left, *kept):
        (tmp_path / name).touch()
    write_text(tmp_path / "a.txt", "new")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "a.txt"}


def test_what_a_dead_process_left_is_swept_before_its_parent_has_taken_note_of_its_death(tmp_path):
    dead = os.fork() or os._exit(0)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
    left = tmp_path / f".a.{HOST}-{dead}.partial.png"
    left.touch()
    write_text(tmp_path / "a.txt", "new")
    os.waitpid(dead, 0)
    assert not left.exists()


def test_a_half_written_file_that_cannot_be_removed_hides_no_reason(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    monkeypatch.setattr("os.replace", refuse)
    assert f"{tmp_path}/a.txt: cannot be written ([Errno 30]" in complaint(write_text, tmp_path / "a.txt", "new")


@pytest.mark.parametrize(("length", "fits"), [(240, True), (255, True), (256, False)])
def test_a_name_is_written_where_the_system_takes_it_and_refused_in_one_line_elsewhere(tmp_path, length, fits):
    path = tmp_path / ("x" * (length - 4) + ".txt")
    if fits:
        write_text(path, "new")
        assert path.read_text() == "new"
    else:
        assert "File name too long" in complaint(write_text, path, "new")
    assert len(list(tmp_path.iterdir())) == fits


def test_half_written_files_are_dropped_by_a_process_that_ends_at_once(tmp_path):
    with atomic_path(tmp_path / "a.txt") as partial:
        partial.touch()
        drop_partials()
        assert not list(tmp_path.iterdir())
        partial.touch()
