"""The table and the picture that end a recipe, and masks for the VOC server."""

import json

import numpy as np
import pytest
from PIL import Image

from spml.commands.contact_sheet import contact_sheet
from spml.commands.report import report
from spml.commands.voc_submission import voc_submission
from spml.data.files import write_image
from spml.errors import UserError
from spml.visualize import voc_palette


@pytest.fixture
def scores(tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores/final.json").write_text(json.dumps({"mean_iou": 12.341}))
    return tmp_path / "scores"


def test_the_table_holds_the_scores_that_there_are_and_published_figures(scores, tmp_path, shown_log):
    argv = ["--scores_dir", str(scores), "--rows", "final=the end", "other=not run", "--save", str(tmp_path / "t.md")]
    report([*argv, "--published", "published, val / test=73.2 / 74.0"])
    lines = (tmp_path / "t.md").read_text().splitlines()
    assert shown_log.readouterr().out.splitlines() == lines
    cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines[2:]]
    assert cells == [["the end", "12.34"], ["published, val / test", "73.2 / 74.0"]]


@pytest.mark.parametrize(
    ("rows", "content", "message"),
    [
        (["final"], '{"mean_iou": 1}', "expected NAME=TEXT"),
        (["nothing=x"], '{"mean_iou": 1}', "holds none of the scores"),
        (["final=x"], '{"iou": 1}', "final.json: not a score file"),
        (["final=x"], "{", "final.json: not a score file"),
    ],
)
def test_rows_and_scores_that_cannot_be_read_are_named(scores, tmp_path, rows, content, message):
    (scores / "final.json").write_text(content)
    with pytest.raises(UserError, match=message):
        report(["--scores_dir", str(scores), "--rows", *rows, "--save", str(tmp_path / "t.md")])
    assert not (tmp_path / "t.md").exists()


def write_sample(folder):
    write_image(folder / "a.png", np.full((10, 12, 3), 90, np.uint8))
    write_image(folder / "label.png", np.full((10, 12), 2, np.uint8))
    write_image(folder / "masks/a.png", np.full((10, 12), 1, np.uint8))
    (folder / "list.txt").write_text("a.png label.png label.png\n")


def test_the_contact_sheet_shows_image_label_and_masks_and_leaves_gaps(tmp_path):
    write_sample(tmp_path)
    columns = ["--columns", f"ours={tmp_path / 'masks'}", f"none={tmp_path / 'nowhere'}"]
    where = ["--data_dir", str(tmp_path), "--data_list", str(tmp_path / "list.txt"), "--save", str(tmp_path / "s.png")]
    contact_sheet([*where, *columns, "--cell", "40"])
    colours = {tuple(c) for c in np.array(Image.open(tmp_path / "s.png").convert("RGB")).reshape(-1, 3)}
    assert {(90, 90, 90), tuple(voc_palette()[1]), tuple(voc_palette()[2])} <= colours


def test_masks_for_the_server_are_indexed_and_hold_classes_alone(tmp_path):
    write_sample(tmp_path)
    argv = [
        "--pred_dir",
        str(tmp_path / "masks"),
        "--data_list",
        str(tmp_path / "list.txt"),
        "--save_dir",
        str(tmp_path),
    ]
    voc_submission(argv)
    mask = Image.open(tmp_path / "results/VOC2012/Segmentation/comp6_test_cls/a.png")
    assert mask.mode == "P" and np.array(mask).tolist() == np.ones((10, 12)).tolist()
    assert mask.getpalette()[3:6] == voc_palette()[1].tolist()
    write_image(tmp_path / "masks/a.png", np.full((10, 12), 21, np.uint8))
    with pytest.raises(UserError, match="holds label 21, expected classes 0..20"):
        voc_submission(argv)
