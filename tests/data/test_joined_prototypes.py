"""One file of all prototypes: it says what the files of the images say, and never what they said before."""

import json
import os

import numpy as np
import pytest

from spml.data import joined_prototypes
from spml.data.joined_prototypes import JOINED, join_prototypes, read_prototype_folder
from spml.data.prototype_files import write_prototypes


def fill(folder, names="abc", seed=0):
    """Prototypes of images, every third of no class; what a reader shall get."""
    rng = np.random.default_rng(seed)
    expected = []
    for count, name in enumerate(names):
        prototype, label = rng.standard_normal((3 * count, 4)).astype(np.float32), np.tile([1, 254, 2], count)
        write_prototypes(folder / f"{name}.npz", prototype, label)
        expected.append((prototype[label < 3], label[label < 3]))
    return [np.concatenate(parts) for parts in zip(*expected, strict=True)]


def read_and_compare(folder, expected):
    prototype, label = read_prototype_folder(folder, 4, 3)
    np.testing.assert_array_equal(prototype, expected[0])
    np.testing.assert_array_equal(label, expected[1])
    return prototype


def test_the_joined_file_is_mapped_and_says_the_same(tmp_path):
    expected = fill(tmp_path)
    assert not isinstance(read_and_compare(tmp_path, expected), np.memmap)
    join_prototypes(tmp_path, 4, 3)
    assert isinstance(read_and_compare(tmp_path, expected), np.memmap)
    written = (tmp_path / JOINED).stat().st_mtime_ns
    join_prototypes(tmp_path, 4, 3)
    assert (tmp_path / JOINED).stat().st_mtime_ns == written


def test_others_read_it_as_safetensors_with_an_index_of_images(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    expected = fill(tmp_path)
    join_prototypes(tmp_path, 4, 3)
    tensors = safetensors.load_file(tmp_path / JOINED)
    np.testing.assert_array_equal(tensors["prototype"], expected[0])
    np.testing.assert_array_equal(tensors["label"], expected[1])
    assert tensors["start"].tolist() == [0, 0, 2, 6]
    content = (tmp_path / JOINED).read_bytes()
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert head["__metadata__"]["images"] == "a\nb\nc"


@pytest.mark.parametrize("change", ["one file more", "one file less", "one file anew", "other classes"])
def test_what_was_joined_of_other_files_is_not_read(change, tmp_path):
    fill(tmp_path)
    join_prototypes(tmp_path, 4, 2 if change == "other classes" else 3)
    if change == "one file less":
        (tmp_path / "c.npz").unlink()
    names = {"one file more": "abcd", "one file less": "ab"}.get(change, "abc")
    expected = fill(tmp_path, names, seed=0 if change == "other classes" else 1)
    assert not isinstance(read_and_compare(tmp_path, expected), np.memmap)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 8 + b"{}", b"\2" + 7 * b"\0" + b"[]", "cut", "nan"])
def test_a_broken_joined_file_is_left_aside(content, tmp_path, monkeypatch):
    expected = fill(tmp_path)
    join_prototypes(tmp_path, 4, 3)
    whole = (tmp_path / JOINED).read_bytes()
    room = 8 + int.from_bytes(whole[:8], "little")
    spoilt = {"cut": whole[: room + 20], "nan": whole[:room] + b"\xff" * 16 + whole[room + 16 :]}
    (tmp_path / JOINED).write_bytes(spoilt.get(content, content))
    read_and_compare(tmp_path, expected)
    join_prototypes(tmp_path, 4, 3)
    assert (tmp_path / JOINED).read_bytes() == whole


def test_files_without_a_class_make_no_joined_prototypes_to_retrieve_from(tmp_path):
    write_prototypes(tmp_path / "a.npz", np.eye(4), np.full(4, 254))
    join_prototypes(tmp_path, 4, 3)
    with pytest.raises(joined_prototypes.UserError, match="none of 4 prototypes has a label < 3"):
        read_prototype_folder(tmp_path, 4, 3)
    os.unlink(tmp_path / "a.npz")
    join_prototypes(tmp_path, 4, 3)
