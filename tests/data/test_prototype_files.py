"""Remembered prototypes: our files, the published ones, and files that are neither."""

import os

import numpy as np
import pytest

from spml.data.joined_prototypes import read_prototype_folder
from spml.data.prototype_files import read_prototypes, write_prototypes
from spml.errors import UserError

UNIT = np.eye(4, dtype=np.float32)


def test_numbers_that_no_array_holds_are_an_error(tmp_path):
    for content in (
        {"prototype": [[2**2000] * 4], "prototype_label": [1]},
        {"prototype": UNIT, "prototype_label": [2**99] * 4},
    ):
        np.save(tmp_path / "a.npy", np.array(content, dtype=object))
        with pytest.raises(UserError, match="a.npy: expected the arrays prototype and prototype_label"):
            read_prototypes(tmp_path / "a.npy", 4)


class Hostile:
    def __reduce__(self):
        return os.system, ("touch hostile-was-here",)


def ours(path, prototype=UNIT, label=(0, 1, 2, 1)):
    np.savez(path, prototype=prototype, prototype_label=np.asarray(label))


def published(path, prototype=UNIT, label=(0, 1, 2, 1)):
    content = {"prototype": prototype, "prototype_label": np.asarray(label, np.int32)}
    np.save(path, content, allow_pickle=True)


def test_our_files_and_published_ones_are_joined_in_the_order_of_their_names(tmp_path):
    published(tmp_path / "b.npy", 2 * UNIT, (2, 2, 2, 2))
    ours(tmp_path / "a.npz")
    prototype, label = read_prototype_folder(tmp_path, 4, 3)
    np.testing.assert_array_equal(prototype, np.concatenate([UNIT, 2 * UNIT]))
    assert prototype.dtype == np.float32 and label.tolist() == [0, 1, 2, 1, 2, 2, 2, 2]


def test_prototypes_of_one_image_in_both_forms_count_once(tmp_path):
    published(tmp_path / "a.npy")
    ours(tmp_path / "a.npz")
    assert len(read_prototype_folder(tmp_path, 4, 3)[0]) == 4


def test_only_labels_that_are_classes_are_remembered(tmp_path):
    ours(tmp_path / "a.npz", label=(0, 254, 255, 3))
    prototype, label = read_prototype_folder(tmp_path, 4, 3)
    assert label.tolist() == [0] and prototype.tolist() == UNIT[:1].tolist()
    ours(tmp_path / "a.npz", label=(254, 254, 255, 3))
    with pytest.raises(UserError, match="none of 4 prototypes has a label < 3"):
        read_prototype_folder(tmp_path, 4, 3)


def write_hostile(path):
    np.save(path, {"prototype": Hostile(), "prototype_label": UNIT}, allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "write", "complaint"),
    [
        ("a.npz", lambda path: ours(path, UNIT[:, :3]), r"\(4, 3\).*expected S×4"),
        ("a.npz", lambda path: ours(path, label=(1, 2)), "2 entries"),
        ("a.npz", lambda path: ours(path, UNIT * np.nan), "not finite"),
        ("a.npz", lambda path: ours(path, np.full(UNIT.shape, "x")), "expected the arrays"),
        ("a.npz", lambda path: np.savez(path, prototype=UNIT), "expected the arrays prototype and prototype_label"),
        ("a.npz", lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "not a readable .npz"),
        ("a.npy", lambda path: np.save(path, UNIT), "expected the arrays"),
        ("a.npy", write_hostile, "not allowed"),
    ],
)
def test_a_file_that_holds_no_prototypes_of_the_network_is_named(name, write, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: .*{complaint}"):
        read_prototype_folder(tmp_path, 4, 3)
    assert not (tmp_path / "hostile-was-here").exists()


def test_a_missing_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(UserError, match="--semantic_memory_dir .*nowhere: no such folder"):
        read_prototype_folder(tmp_path / "nowhere", 4, 3)
    with pytest.raises(UserError, match="holds no prototypes ID.npz"):
        read_prototype_folder(tmp_path, 4, 3)


def test_what_is_written_are_plain_arrays(tmp_path):
    write_prototypes(tmp_path / "a.npz", np.eye(3, dtype=np.float64), np.array([0, 254, 255], np.uint8))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as written:
        assert sorted(written) == ["prototype", "prototype_label"] and written["prototype"].dtype == np.float32
        assert written["prototype_label"].tolist() == [0, 254, 255]
