"""Where snapshots lie, and what is said where they do not."""

import pytest

from spml.errors import UserError
from spml.models.snapshots import newest_snapshot, snapshot_iterations, snapshot_path


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def folder(tmp_path):
    """A folder with three snapshots."""
    for iteration in (9, 1, 10):
        (tmp_path / f"model-{iteration}.pth").write_bytes(b"")
    return tmp_path


def test_snapshots_are_in_the_order_of_their_iterations(folder):
    assert snapshot_iterations(folder) == [1, 9, 10]
    assert newest_snapshot(folder) == folder / "model-10.pth"


def test_other_files_are_no_snapshots(tmp_path):
    for name in ("model-x.pth", "model-3.pth.bak", "model-.pth", ".model-5.123.partial.pth"):
        (tmp_path / name).write_bytes(b"")
    assert snapshot_iterations(tmp_path) == []
    assert snapshot_iterations(tmp_path / "nowhere") == []
    assert "holds no snapshot" in complaint(newest_snapshot, tmp_path)


def test_a_missing_snapshot_is_an_error_that_lists_those_there_are(folder, tmp_path):
    assert "there is no model-*.pth" in complaint(snapshot_path, tmp_path / "nowhere", 4)
    message = complaint(snapshot_path, folder, 4)
    assert "model-4.pth" in message
    assert "there are model-1.pth, model-9.pth, model-10.pth" in message
    assert snapshot_path(folder, 9) == folder / "model-9.pth"
