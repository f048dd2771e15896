"""MATLAB files against scipy's writer and reader, and whatever else they may hold."""

import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from spml.data import mat_files
from spml.data.mat_files import read_mat
from spml.errors import UserError

TYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (20, 31), (0, 2), (3, 4, 5)])
def test_arrays_are_those_that_scipy_reads(tmp_path, kind, shape, compress):
    array = np.random.default_rng(0).integers(0, 100, shape).astype(kind)
    savemat(tmp_path / "a.mat", {"one": array, "two": {"field": array.T, "x": 1.5}}, do_compression=compress)
    found, expected = read_mat(tmp_path / "a.mat"), loadmat(tmp_path / "a.mat")
    assert list(found) == ["one", "two"] and list(found["two"]) == ["field", "x"]
    for ours, theirs in (
        (found["one"], expected["one"]),
        (found["two"]["field"], expected["two"]["field"].item()),
        (found["two"]["x"], expected["two"]["x"].item()),
    ):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape and (ours == theirs).all()


def test_what_is_no_plain_array_is_left_out(tmp_path):
    cells = np.array([csc_matrix(np.eye(3)), "text"], dtype=object)
    kept = np.arange(6, dtype=np.uint8).reshape(2, 3)
    content = {"text": "abc", "cells": cells, "complex": np.array([[1j]]), "sparse": csc_matrix(np.eye(3))}
    content["GTcls"] = {"Boundaries": cells, "Inner": {"deep": 1}, "Segmentation": kept, "Text": "abc"}
    savemat(tmp_path / "a.mat", content, do_compression=True)
    found = read_mat(tmp_path / "a.mat")
    assert list(found) == ["GTcls"] and list(found["GTcls"]) == ["Segmentation"]
    assert found["GTcls"]["Segmentation"].tolist() == kept.tolist()


@pytest.mark.parametrize("content", [b"", b"MATLAB 7.3 MAT-file" + b" " * 105 + b"\x00\x02IM", b"x" * 1000])
def test_another_version_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(UserError, match="a.mat: not a readable .mat .*version 5"):
        read_mat(tmp_path / "a.mat")
    with pytest.raises(UserError, match="none.mat: no such file"):
        read_mat(tmp_path / "none.mat")


def swapped(data):
    """Elements of a little-endian `.mat` of plain arrays in the other order of bytes."""
    out, widths = b"", {1: 1, 2: 1, 3: 2, 5: 4, 6: 4, 9: 8, 12: 8}
    while data:
        kind, size = struct.unpack("<II", data[:8])
        small, taken = kind >> 16, 8 if kind >> 16 else 8 + size + -size % 8
        content = data[4 : 4 + small] if small else data[8 : 8 + size]
        if kind == 14:
            content = swapped(content)
        else:
            width = widths[kind & 0xFFFF]
            content = b"".join(content[n : n + width][::-1] for n in range(0, len(content), width))
        out += struct.pack(">I", kind) + content.ljust(4, b"\0") if small else struct.pack(">II", kind, size)
        out += b"" if small else content.ljust(taken - 8, b"\0")
        data = data[taken:]
    return out


def test_the_other_order_of_bytes_is_read_as_scipy_reads_it(tmp_path):
    array = np.arange(6, dtype=np.int32).reshape(2, 3) * 1000
    savemat(tmp_path / "a.mat", {"one": array, "two": {"field": array / 7, "deep": {"x": 1}}})
    whole = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "b.mat").write_bytes(whole[:124] + b"\x01\0MI" + swapped(whole[128:]))
    found, expected = read_mat(tmp_path / "b.mat"), loadmat(tmp_path / "b.mat")
    assert found["one"].tolist() == expected["one"].tolist() == array.tolist()
    assert found["two"]["field"].tolist() == (array / 7).tolist() and list(found["two"]) == ["field"]


def test_elements_without_end_are_refused(tmp_path):
    (tmp_path / "a.mat").write_bytes(b" " * 124 + b"\0\x01IM" + struct.pack("<II", 1, 0) * 150_000)
    with pytest.raises(UserError, match="more than 100000"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize("parts", [1, 3])
def test_what_unpacks_without_end_is_refused(tmp_path, monkeypatch, parts):
    monkeypatch.setattr(mat_files, "LARGEST_MAT", 1 << 16)
    packed = zlib.compress(bytes((1 << 17) // parts // 8 * 8))
    element = b"\x0f\0\0\0" + len(packed).to_bytes(4, "little") + packed
    (tmp_path / "a.mat").write_bytes(b" " * 124 + b"\x00\x01IM" + element * parts)
    with pytest.raises(UserError, match="unpack to more than 65536 bytes"):
        read_mat(tmp_path / "a.mat")


def test_any_damage_leaves_arrays_or_one_clear_error(tmp_path):
    array = np.random.default_rng(0).integers(0, 21, (20, 30)).astype(np.uint8)
    savemat(tmp_path / "a.mat", {"palette": np.eye(3), "GTcls": {"Segmentation": array}})
    whole, path = (tmp_path / "a.mat").read_bytes(), tmp_path / "b.mat"
    outcomes = {"read": 0, "refused": 0}
    for seed in range(1000):
        rng, damaged = np.random.default_rng(seed), bytearray(whole)
        for place in rng.integers(124, 330, rng.integers(1, 4)):  # the heads, where damage counts
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(len(whole))] if seed % 4 == 0 else damaged)
        try:
            assert all(isinstance(found, np.ndarray | dict) for found in read_mat(path).values())
            outcomes["read"] += 1
        except UserError as error:
            assert str(error).startswith(str(path))
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100
