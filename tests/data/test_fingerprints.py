"""Fingerprints: equal where the content is, different where it differs."""

import os

import numpy as np
import pytest
import torch

from spml.data.fingerprints import differences, of_file, of_folder, of_prepared, of_stamps, of_value


def test_values_have_one_fingerprint_whatever_the_order_of_their_keys():
    assert of_value({"a": 1, "b": [2.5, "x"]}) == of_value({"b": [2.5, "x"], "a": 1})
    assert of_value({"a": 1}) != of_value({"a": 2}) != of_value({"a": "2"})
    assert len(of_value(None)) == 16


def test_a_file_has_the_fingerprint_of_its_content(tmp_path):
    for name, content in (("a", b"x" * 3_000_000), ("b", b"x" * 3_000_000), ("c", b"x" * 2_999_999 + b"y")):
        (tmp_path / name).write_bytes(content)
    assert of_file(tmp_path / "a") == of_file(tmp_path / "b") != of_file(tmp_path / "c")
    with pytest.raises(OSError, match="nowhere"):
        of_file(tmp_path / "nowhere")


def test_an_archive_is_known_by_its_members_whatever_its_name(tmp_path):
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        torch.save({"weight": torch.full((9,), value)}, tmp_path / f"model-{name}.pth")
        np.savez(tmp_path / f"{name}.npz", x=np.full(9, value))
    for form in ("model-{}.pth", "{}.npz"):
        first, second, other = (of_file(tmp_path / form.format(name)) for name in "abc")
        assert first == second != other


def test_a_broken_archive_is_a_file_like_others(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(9))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[:-30])
    (tmp_path / "c.npz").write_bytes(whole.replace(b"PK\1\2", b"PK\0\0"))
    assert len({of_file(tmp_path / f"{name}.npz") for name in "abc"}) == 3


def test_a_folder_changes_with_the_size_time_and_name_of_its_files_and_not_with_hidden_ones(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("one")
    os.utime(tmp_path / "sub" / "a", ns=(10**18, 10**18))
    first, stamps = of_folder(tmp_path), of_stamps([tmp_path / "sub" / "a"])
    (tmp_path / "sub" / ".a.1.partial").write_text("half")
    assert of_folder(tmp_path) == first
    os.utime(tmp_path / "sub" / "a", ns=(10**18, 10**18 + 1))
    assert of_folder(tmp_path) != first and of_stamps([tmp_path / "sub" / "a"]) != stamps
    os.utime(tmp_path / "sub" / "a", ns=(10**18, 10**18))
    assert of_folder(tmp_path) == first
    (tmp_path / "sub" / "a").rename(tmp_path / "sub" / "b")
    assert of_folder(tmp_path) != first


def test_a_folder_changes_with_the_files_of_folders_that_it_links_to(tmp_path):
    for name in ("set", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "set" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "set")
    before = of_folder(tmp_path / "set")
    (tmp_path / "elsewhere" / "a").write_text("one")
    assert of_folder(tmp_path / "set") != before


def test_differences_name_the_key_the_old_and_the_new_value():
    old, new = {"train.seed": 0, "gone": 1, "same": "x"}, {"train.seed": 1, "same": "x", "new": [2]}
    assert differences(old, new) == ["train.seed was 0, is 1", "gone was 1, is 'absent'", "new was 'absent', is [2]"]


def test_prepared_data_count_by_texts_and_sizes_whenever_made(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "tags.txt").write_text("a cow\n")
    (tmp_path / "set" / "a.png").write_bytes(b"1234")
    before = of_prepared(tmp_path / "set")
    (tmp_path / "set" / "a.png").write_bytes(b"5678")
    (tmp_path / "set" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "set" / "check.html").write_text("page")
    assert of_prepared(tmp_path / "set") == before
    (tmp_path / "set" / "tags.txt").write_text("a dog\n")
    assert of_prepared(tmp_path / "set") != before
    (tmp_path / "set" / "tags.txt").write_text("a cow\n")
    (tmp_path / "set" / "a.png").write_bytes(b"longer")
    assert of_prepared(tmp_path / "set") != before
