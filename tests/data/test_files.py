"""Atomic writing, broken images, hostile pickles."""

import os
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spml.data.files import (
    atomic_path,
    need_dir,
    read_image,
    read_label,
    read_npy,
    read_npz,
    visible_files,
    write_arrays,
    write_image,
    write_text,
)
from spml.errors import UserError

GREY = np.array([[0, 1, 254], [255, 20, 7]], np.uint8)


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


def test_images_and_label_maps_come_back_as_written(tmp_path):
    colour = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    write_image(tmp_path / "colour.png", colour)
    write_image(tmp_path / "grey.png", GREY)
    assert (read_image(tmp_path / "colour.png") == colour).all()
    assert (read_label(tmp_path / "grey.png") == GREY).all()
    assert (read_image(tmp_path / "grey.png") == GREY[..., None]).all()


def test_a_palette_makes_an_indexed_image(tmp_path):
    palette = np.arange(256 * 3).reshape(256, 3) % 256
    write_image(tmp_path / "a.png", GREY, palette)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert (np.array(image) == GREY).all()
    assert (read_image(tmp_path / "a.png") == palette[GREY]).all()


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "LA"])
def test_a_label_map_in_colour_is_refused(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "a.png")
    message = complaint(read_label, tmp_path / "a.png")
    assert "a.png" in message
    assert f"mode {mode}" in message


def test_a_label_map_of_16_bits_is_taken_where_its_values_fit(tmp_path):
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "fits.png")
    assert (read_label(tmp_path / "fits.png") == GREY).all()
    Image.fromarray(GREY.astype(np.uint16) + 1).save(tmp_path / "beyond.png")
    assert "beyond.png" in complaint(read_label, tmp_path / "beyond.png")


def grey_png(rows, bits):
    """The bytes of a grey PNG of 1, 2, 4 or 8 bits a pixel, whose rows fill whole bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = b"".join(
        b"\0" + int("".join(f"{v:0{bits}b}" for v in row), 2).to_bytes(len(row) * bits // 8, "big") for row in rows
    )
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), bits, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_label_map_holds_the_numbers_of_its_file_whatever_their_bits(tmp_path, bits):
    rows = np.random.default_rng(bits).integers(0, 2**bits, (3, 16)).tolist()
    rows[0][:2] = [0, 2**bits - 1]
    (tmp_path / "a.png").write_bytes(grey_png(rows, bits))
    label = read_label(tmp_path / "a.png")
    assert label.dtype == np.uint8
    assert label.tolist() == rows


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "pbm"])
def test_a_label_map_of_one_bit_is_of_zeros_and_ones(tmp_path, ending):
    Image.fromarray(np.eye(5, dtype=bool)).save(tmp_path / f"a.{ending}")
    assert (read_label(tmp_path / f"a.{ending}") == np.eye(5)).all()


@pytest.mark.parametrize("read", [read_image, read_label])
def test_a_missing_or_broken_image_is_an_error_that_names_it(tmp_path, read):
    write_image(tmp_path / "whole.png", np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8))
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    for name in ("half.png", "text.png", "empty.jpg", "folder.png", "nowhere.png"):
        assert name in complaint(read, tmp_path / name)


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    write_image(tmp_path / "bomb.png", np.zeros((20, 20), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "bomb.png" in complaint(read_image, tmp_path / "bomb.png")


def test_plain_arrays_and_dicts_of_the_published_format_are_read(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "array.npy", array)
    assert (read_npy(tmp_path / "array.npy") == array).all()
    prototypes = {
        "prototype": array,
        "prototype_label": np.array([3, 4]),
        "score": np.float32(0.5),
        7: ["a", 1.5, None],
    }
    np.save(tmp_path / "dict.npy", prototypes)
    got = read_npy(tmp_path / "dict.npy")
    assert set(got) == set(prototypes)
    assert (got["prototype"] == array).all()
    assert got["score"] == 0.5
    assert got[7] == ["a", 1.5, None]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_dicts_pickled_by_older_numpy_are_read(tmp_path, protocol):
    with open(tmp_path / "old.npy", "wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        content = np.empty((), object)
        content[()] = {0: np.eye(3, dtype=np.float32)}
        text = pickle.dumps(content, protocol=protocol)
        file.write(text if protocol > 3 else text.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert (read_npy(tmp_path / "old.npy")[0] == np.eye(3)).all()


class RunsCommand:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


class Innocent:
    pass


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"prototype": [x]}, lambda x: [{0: x}]])
def test_a_file_that_would_run_a_command_is_refused_and_runs_nothing(tmp_path, wrap):
    mark = tmp_path / "mark"
    np.save(tmp_path / "evil.npy", np.array(wrap(RunsCommand(mark)), dtype=object))
    assert "evil.npy" in complaint(read_npy, tmp_path / "evil.npy")
    assert not mark.exists()


@pytest.mark.parametrize("thing", [Innocent(), Path("x"), print, np.load, Innocent])
def test_a_file_that_asks_for_any_other_class_or_function_is_refused(tmp_path, thing):
    np.save(tmp_path / "other.npy", np.array({"a": thing}, dtype=object))
    assert "is not allowed" in complaint(read_npy, tmp_path / "other.npy")


def test_a_missing_or_broken_npy_is_an_error_that_names_it(tmp_path):
    np.save(tmp_path / "whole.npy", np.arange(100))
    whole = (tmp_path / "whole.npy").read_bytes()
    np.save(tmp_path / "dict.npy", {"a": np.arange(100)})
    pickled = (tmp_path / "dict.npy").read_bytes()
    contents = {"half": whole[:200], "head": whole[:20], "text": b"hello", "empty": b"", "pickle": pickled[:200]}
    for name, content in contents.items():
        (tmp_path / f"{name}.npy").write_bytes(content)
    for name in (*contents, "nowhere"):
        assert f"{name}.npy" in complaint(read_npy, tmp_path / f"{name}.npy")


def test_several_arrays_come_back_as_written(tmp_path):
    write_arrays(tmp_path / "a.npz", x=np.arange(3), y=np.eye(2))
    got = read_npz(tmp_path / "a.npz")
    assert set(got) == {"x", "y"}
    assert (got["y"] == np.eye(2)).all()


def test_a_missing_broken_or_pickled_npz_is_an_error_that_names_it(tmp_path):
    mark = tmp_path / "mark"
    np.savez(tmp_path / "evil.npz", x=np.array(RunsCommand(mark), dtype=object))
    np.savez(tmp_path / "whole.npz", x=np.arange(100))
    (tmp_path / "half.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:100])
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("evil", "half", "text", "empty", "nowhere"):
        assert f"{name}.npz" in complaint(read_npz, tmp_path / f"{name}.npz")
    assert not mark.exists()


def test_a_folder_that_is_not_there_is_an_error_that_says_what_for(tmp_path):
    assert need_dir(tmp_path, "--data_dir") == tmp_path
    assert complaint(need_dir, tmp_path / "x", "--data_dir").startswith(f"--data_dir {tmp_path / 'x'}")


def test_what_a_killed_process_left_half_written_is_no_file_of_a_folder(tmp_path):
    for name in ("b.npy", "a.npy", ".c.17.partial.npy", "a.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.npy").mkdir()
    assert [path.name for path in visible_files(tmp_path, "*.npy")] == ["a.npy", "b.npy"]
