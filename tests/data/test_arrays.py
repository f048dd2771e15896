"""Arrays on disk: what is written comes back, and hostile or broken files are refused."""

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spml.data import arrays, pickles
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


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_dicts_pickled_by_older_numpy_are_read(tmp_path, protocol):
    with open(tmp_path / "old.npy", "wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(file, header)
        content = np.empty((), object)
        content[()] = {
            0: np.eye(3, dtype=np.float32),
            1: np.arange(6).reshape(2, 3).T,
            "x": [np.int64(3), 2.5, (True,)],
        }
        text = pickle.dumps(content, protocol=protocol)
        file.write(text if protocol > 3 else text.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    found = read_npy(tmp_path / "old.npy")
    assert (found[0] == np.eye(3)).all() and found[0].dtype == np.float32 and found["x"] == [3, 2.5, (True,)]
    assert found[1].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_arrays_of_python_2_are_read(tmp_path):
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\n"
        b"U\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10"
        + struct.pack("<2d", 1.5, -2)
        + b"tb."
    )
    assert pickles.read_pickle(content).tolist() == [1.5, -2]
    (tmp_path / "a.npy").write_bytes(
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 1L), }", content[-19:-3])
    )
    assert read_npy(tmp_path / "a.npy").tolist() == [[1.5], [-2]]


@pytest.mark.parametrize("kind", ["?", "i1", "<u2", ">i4", "<f2", ">f8", "<c8", "S3", "<U2", ">U2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_plain_types_come_back_alone_and_within_dicts(tmp_path, kind, order):
    array = np.asarray(np.arange(6).reshape(2, 3).astype(kind), order=order)
    np.save(tmp_path / "a.npy", array)
    np.save(tmp_path / "b.npy", {"a": array, "empty": array[:0]})
    for found in (read_npy(tmp_path / "a.npy"), read_npy(tmp_path / "b.npy")["a"]):
        assert found.dtype == array.dtype and found.tolist() == array.tolist() and found.flags.writeable
        assert found.flags.f_contiguous == (order == "F")
    assert read_npy(tmp_path / "b.npy")["empty"].shape == (0, 3)


def npy(head, content=b""):
    """The bytes of a `.npy` with any head."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + content


def pickled(steps):
    """The bytes of a `.npy` of objects with any steps of a pickle."""
    return npy("{'descr': '|O', 'fortran_order': False, 'shape': (), }", b"\x80\x03" + steps + b".")


NEW_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
OBJECTS = b"cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R"
POINTERS = b"C\x08AAAAAAAA"  # where the file would like to be read or written
MINUS = b"J\xff\xff\xff\xff"
HOSTILE_PICKLES = {
    # Without its flags numpy takes an object type for plain, and raw bytes for pointers.
    "objects without their flags": NEW_ARRAY
    + b"(K\x01K\x01\x85" + OBJECTS + b"(K\x03X\x01\x00\x00\x00|NNN" + 2 * MINUS + b"K\x00tb\x89" + POINTERS + b"tb",
    "a scalar of objects": b"cnumpy.core.multiarray\nscalar\n" + OBJECTS + POINTERS + b"\x86R",
    "a type with fields": b"cnumpy\ndtype\nX\x02\x00\x00\x00V8K\x00K\x01\x87R",
    "a type alone": OBJECTS,
    "an array without content": NEW_ARRAY,
    "an array within itself": NEW_ARRAY + b"q\x01]h\x01a",
    "a state for a function": b"c_codecs\nencode\n}b",
    "a call of an array type": b"cnumpy\nndarray\nK\x05\x85R",
    "a tuple of tuples as a key": b"})" + b"\x85" * 50_000 + b"Ns",
    "lists that spread": b"]q\x00" + b"".join(
        b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(40)
    ) + b"\x86",
    "a list in itself": b"]q\x01h\x01a",
    "a place far away": b"Nr\xff\xff\xff\xff0",
    "a long number": b"\x8b" + struct.pack("<i", 1 << 20) + bytes(1 << 20),
    "digits": b"I" + b"9" * 5000 + b"\n",
    "bytes that are not there": b"\x8e" + struct.pack("<Q", 1 << 62),
    "one content for many arrays": b"C\xff" + bytes(255) + b"q\x09" + 40 * (
        NEW_ARRAY
        + b"(K\x01K\xff\x85cnumpy\ndtype\nX\x02\x00\x00\x00u1K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00|NNN"
        + 2 * MINUS + b"K\x00tb\x89h\x09tb"
    ) + b"]",
    "letters beyond the last": NEW_ARRAY
    + b"(K\x01K\x01\x85cnumpy\ndtype\nX\x02\x00\x00\x00U1K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00<NNNK\x04K\x04K\x08tb"
    + b"\x89C\x04\xff\xff\xff\xfftb",
}  # fmt: skip


@pytest.mark.parametrize("steps", HOSTILE_PICKLES.values(), ids=HOSTILE_PICKLES)
def test_a_hostile_pickle_is_one_line(tmp_path, steps):
    (tmp_path / "a.npy").write_bytes(pickled(steps))
    assert "a.npy: not a readable .npy" in complaint(read_npy, tmp_path / "a.npy")


HEADS = {
    "objects in disguise": "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }",
    "an array within": "{'descr': ('<f8', (1,)), 'fortran_order': False, 'shape': (1,), }",
    "raw bytes": "{'descr': '|V8', 'fortran_order': False, 'shape': (1,), }",
    "dates": "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,), }",
    "values without size": "{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,), }",
    "sides below zero": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -2), }",
    "more than is there": "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
    "less than is there": "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
    "digits": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 3000},), }}",
    "nested": "(" * 3000,
    "signs": "-" * 4000 + "1",
    "long": " " * 60000,
    "a call": "__import__('os').system('true')",
    "a word for a truth": "{'descr': '<f8', 'fortran_order': 'no', 'shape': (1,), }",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_hostile_head_is_one_line(tmp_path, head):
    (tmp_path / "a.npy").write_bytes(npy(head, bytes(8)))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy(head, bytes(8)))
    assert "a.npy: not a readable .npy" in complaint(read_npy, tmp_path / "a.npy")
    assert "a.npz: not a readable .npz" in complaint(read_npz, tmp_path / "a.npz")


def test_what_unpacks_to_too_much_is_refused_unread(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(600), b=np.zeros(600))
    np.save(tmp_path / "a.npy", np.zeros(2000))
    assert len(read_npz(tmp_path / "a.npz")) == 2
    monkeypatch.setattr(arrays, "LARGEST", 8000)
    assert "more than 1000 arrays or 8000 bytes" in complaint(read_npz, tmp_path / "a.npz")
    assert "more than 8000 bytes" in complaint(read_npy, tmp_path / "a.npy")


def test_steps_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "MOST_STEPS", 1000)
    (tmp_path / "a.npy").write_bytes(pickled(b"N" * 2000))
    assert "more than 1000 steps" in complaint(read_npy, tmp_path / "a.npy")


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
    assert "there are 40 bytes" in complaint(read_npy, tmp_path / "a.npy")
    assert "there are 40 bytes" in complaint(read_npz, tmp_path / "a.npz")
