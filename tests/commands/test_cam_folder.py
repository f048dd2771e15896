"""CAMs that were written for another background than they are read with."""

import json

import pytest

from spml.commands.cam_folder import check_cam_background
from spml.errors import UserError


@pytest.mark.parametrize(("stated", "first"), [("0", 0), ("none", 1)])
def test_maps_written_for_another_background_are_refused(tmp_path, stated, first):
    (tmp_path / "run.json").write_text(json.dumps({"dataset.background": stated}))
    with pytest.raises(UserError, match=f"was written with dataset.background {stated}, but is read with "):
        check_cam_background(tmp_path, first)
    check_cam_background(tmp_path, 1 - first)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_maps_of_which_nothing_says_for_which_background_are_taken(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    check_cam_background(tmp_path, 0)
    check_cam_background(tmp_path, 1)
