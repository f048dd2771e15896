"""One file of all prototypes: it says what the files of the images say, and never what they said before."""

import json
import os

import numpy as np
import pytest

from spml.data import joined_prototypes
from spml.data.joined_prototypes import JOINED, join_prototypes, read_prototype_folder
from spml.data.prototype_files import write_prototypes

KINDS = ("float32", "float16")


def fill(folder, names="abc", seed=0):
    """Prototypes of images, every third of no class; what a reader shall get."""
    rng = np.random.default_rng(seed)
    expected = []
    for count, name in enumerate(names):
        prototype, label = rng.standard_normal((3 * count, 4)).astype(np.float32), np.tile([1, 254, 2], count)
        write_prototypes(folder / f"{name}.npz", prototype, label)
        expected.append((prototype[label < 3], label[label < 3]))
    return [np.concatenate(parts) for parts in zip(*expected, strict=True)]


def read_and_compare(folder, expected, kind="float32"):
    prototype, label = read_prototype_folder(folder, 4, 3, kind)
    assert prototype.dtype == kind
    np.testing.assert_array_equal(prototype, expected[0].astype(kind))
    np.testing.assert_array_equal(label, expected[1])
    return prototype


@pytest.mark.parametrize("kind", KINDS)
def test_the_joined_file_is_mapped_and_says_the_same(kind, tmp_path):
    expected = fill(tmp_path)
    assert not isinstance(read_and_compare(tmp_path, expected, kind), np.memmap)
    join_prototypes(tmp_path, 4, 3, kind)
    assert isinstance(read_and_compare(tmp_path, expected, kind), np.memmap)
    written = (tmp_path / JOINED).stat().st_mtime_ns
    join_prototypes(tmp_path, 4, 3, kind)
    assert (tmp_path / JOINED).stat().st_mtime_ns == written


def test_float32_is_the_default(tmp_path):
    expected = fill(tmp_path)
    join_prototypes(tmp_path, 4, 3)
    assert isinstance(read_and_compare(tmp_path, expected), np.memmap)
    np.testing.assert_array_equal(read_prototype_folder(tmp_path, 4, 3)[0], expected[0])


def test_a_file_of_float16_is_half_as_large(tmp_path):
    expected = fill(tmp_path, "abcdefghij")
    sizes = {}
    for kind in KINDS:
        join_prototypes(tmp_path, 4, 3, kind)
        sizes[kind] = (tmp_path / JOINED).stat().st_size
    assert sizes["float32"] - sizes["float16"] == 2 * expected[0].size


def test_labels_that_no_multiple_of_their_size_precedes_are_read(tmp_path):
    prototype = np.array([[0.5, -0.25, 1]], np.float32)
    write_prototypes(tmp_path / "a.npz", prototype, np.array([2]))
    join_prototypes(tmp_path, 3, 3, "float16")
    mapped, label = read_prototype_folder(tmp_path, 3, 3, "float16")
    assert isinstance(mapped, np.memmap) and np.array_equal(mapped, prototype) and label.tolist() == [2]


@pytest.mark.parametrize(("there", "wanted"), [KINDS, KINDS[::-1]])
def test_a_joined_file_of_another_type_is_left_aside_and_made_anew(there, wanted, tmp_path):
    expected = fill(tmp_path)
    join_prototypes(tmp_path, 4, 3, there)
    assert not isinstance(read_and_compare(tmp_path, expected, wanted), np.memmap)
    join_prototypes(tmp_path, 4, 3, wanted)
    assert isinstance(read_and_compare(tmp_path, expected, wanted), np.memmap)


@pytest.mark.parametrize("work", [join_prototypes, read_prototype_folder])
def test_prototypes_beyond_float16_are_an_error_that_names_the_file(work, tmp_path):
    fill(tmp_path)
    write_prototypes(tmp_path / "b.npz", np.full((1, 4), -1e5), np.ones(1))
    with pytest.raises(joined_prototypes.UserError, match=r"b\.npz: .*beyond 65504.*test\.prototypes: float32"):
        work(tmp_path, 4, 3, "float16")
    assert not (tmp_path / JOINED).exists()
    work(tmp_path, 4, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_others_read_it_as_safetensors_with_an_index_of_images(kind, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    expected = fill(tmp_path)
    join_prototypes(tmp_path, 4, 3, kind)
    tensors = safetensors.load_file(tmp_path / JOINED)
    np.testing.assert_array_equal(tensors["prototype"], expected[0].astype(kind))
    np.testing.assert_array_equal(tensors["label"], expected[1])
    assert tensors["start"].tolist() == [0, 0, 2, 6]
    content = (tmp_path / JOINED).read_bytes()
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert head["__metadata__"]["images"] == "a\nb\nc"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["one file more", "one file less", "one file anew", "other classes"])
def test_what_was_joined_of_other_files_is_not_read(change, kind, tmp_path):
    fill(tmp_path)
    join_prototypes(tmp_path, 4, 2 if change == "other classes" else 3, kind)
    if change == "one file less":
        (tmp_path / "c.npz").unlink()
    names = {"one file more": "abcd", "one file less": "ab"}.get(change, "abc")
    expected = fill(tmp_path, names, seed=0 if change == "other classes" else 1)
    assert not isinstance(read_and_compare(tmp_path, expected, kind), np.memmap)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 8 + b"{}", b"\2" + 7 * b"\0" + b"[]", "cut", "nan"])
def test_a_broken_joined_file_is_left_aside(content, kind, tmp_path):
    expected = fill(tmp_path)
    join_prototypes(tmp_path, 4, 3, kind)
    whole = (tmp_path / JOINED).read_bytes()
    room = 8 + int.from_bytes(whole[:8], "little")
    spoilt = {"cut": whole[: room + 20], "nan": whole[:room] + b"\xff" * 16 + whole[room + 16 :]}
    (tmp_path / JOINED).write_bytes(spoilt.get(content, content))
    read_and_compare(tmp_path, expected, kind)
    join_prototypes(tmp_path, 4, 3, kind)
    assert (tmp_path / JOINED).read_bytes() == whole


def test_files_without_a_class_make_no_joined_prototypes_to_retrieve_from(tmp_path):
    write_prototypes(tmp_path / "a.npz", np.eye(4), np.full(4, 254))
    join_prototypes(tmp_path, 4, 3)
    with pytest.raises(joined_prototypes.UserError, match="none of 4 prototypes has a label < 3"):
        read_prototype_folder(tmp_path, 4, 3)
    os.unlink(tmp_path / "a.npz")
    join_prototypes(tmp_path, 4, 3)
