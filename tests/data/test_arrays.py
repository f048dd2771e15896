"""Arrays on disk: what is written comes back, and hostile or broken files are refused."""

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spml.data.arrays import read_npy, read_npz, write_arrays
from spml.errors import UserError


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


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


def test_a_compressed_npz_that_is_cut_or_changed_anywhere_is_an_error_or_whole(tmp_path):
    content = {"prototype": np.arange(40, dtype=np.float32).reshape(8, 5), "prototype_label": np.arange(8)}
    np.savez_compressed(tmp_path / "whole.npz", **content)
    whole = (tmp_path / "whole.npz").read_bytes()
    for place in range(0, len(whole), 3):
        for broken in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :]):
            (tmp_path / "a.npz").write_bytes(broken)
            try:
                got = read_npz(tmp_path / "a.npz")
            except UserError as error:
                assert "a.npz" in str(error)
            else:
                assert all(isinstance(array, np.ndarray) for array in got.values())


def test_a_member_that_is_no_array_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"not an array at all")
    assert "a.npz" in complaint(read_npz, tmp_path / "a.npz")
    np.save(tmp_path / "array.npy", np.arange(3))
    (tmp_path / "array.npz").write_bytes((tmp_path / "array.npy").read_bytes())
    assert "array.npz" in complaint(read_npz, tmp_path / "array.npz")


def test_a_header_that_promises_more_than_the_file_holds_reserves_no_memory(tmp_path):
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(40)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    assert "too short" in complaint(read_npy, tmp_path / "a.npy")
    assert "too short" in complaint(read_npz, tmp_path / "a.npz")
