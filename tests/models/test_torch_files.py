"""Files of torch.save that are no snapshots: one line, whatever torch's own reader would do with them."""

import zipfile

import pytest
import torch

from spml.errors import UserError
from spml.models import torch_files
from spml.models.torch_files import read_torch


def with_pickle(path, pickled, **options):
    """A `.pth` of one tensor whose pickle is another one, if given."""
    torch.save({"a": torch.ones(2)}, path)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", **options) as target:
        for name, content in members.items():
            target.writestr(name, pickled if pickled and name.endswith("data.pkl") else content)


def refused(path):
    with pytest.raises(UserError) as error:
        read_torch(path, "cpu")
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("older", [False, True])
def test_tuples_in_tuples_are_refused_before_their_hash_ends_the_process(tmp_path, older):
    nested = b"\x80\x02})" + b"\x85" * 60_000 + b"Ns."
    if older:
        (tmp_path / "a.pth").write_bytes(nested)
    else:
        with_pickle(tmp_path / "a.pth", nested)
    assert "more than 50000 tuples" in refused(tmp_path / "a.pth")


def test_packed_archives_are_refused(tmp_path):
    with_pickle(tmp_path / "a.pth", None, compression=zipfile.ZIP_DEFLATED)
    assert "packed" in refused(tmp_path / "a.pth")


@pytest.mark.parametrize(
    "tensor",
    [torch.ones(1).expand(10**6, 10**6), torch.eye(3).to_sparse(), torch.empty(10**6, 10**6, device="meta")],
    ids=["larger than its values", "sparse", "without values"],
)
def test_tensors_that_are_not_plain_are_refused(tmp_path, tensor):
    torch.save({"a": {"b": [tensor]}}, tmp_path / "a.pth")
    assert "a tensor that is not plain" in refused(tmp_path / "a.pth")


def test_lists_that_spread_and_levels_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_files, "_MOST_VALUES", 1000)
    spreading, deep = [1], [1]
    for _ in range(15):
        spreading = [spreading] * 9
    for _ in range(40):
        deep = [deep]
    for content in (spreading, deep):
        torch.save({"a": content}, tmp_path / "a.pth")
        assert "levels of them" in refused(tmp_path / "a.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_honest_files_of_both_forms_are_read(tmp_path, zipped):
    content = {"state_dict": {"a": torch.eye(3), "part": torch.arange(9)[2:5]}, "n": 3, "names": ["x", ("y", 1.5)]}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    found = read_torch(tmp_path / "a.pth", "cpu")
    assert torch.equal(found["state_dict"]["a"], torch.eye(3)) and found["state_dict"]["part"].tolist() == [2, 3, 4]
    assert (found["n"], found["names"]) == (3, ["x", ("y", 1.5)])
