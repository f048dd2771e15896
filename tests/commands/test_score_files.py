"""Files of scores: what is written is read, and whatever else a file holds is one clear error."""

import json

import numpy as np
import pytest

from spml.commands.score_files import read_class_scores, read_mean_iou, write_scores
from spml.errors import UserError
from spml.evaluation.confusion import ClassScores
from spml.evaluation.instances import InstanceScores

CLASSES = ClassScores(57.5, [57.5, 57.5], 0.75, 3)
INSTANCES = InstanceScores(43.25, [43.0, 43.5], 43.2, [2, 3], 3)


@pytest.mark.parametrize("scores", [CLASSES, INSTANCES])
def test_a_mean_that_is_written_is_read(tmp_path, scores):
    write_scores(tmp_path / "a.json", scores, ["background", "thing"])
    assert read_mean_iou(tmp_path / "a.json") == scores.mean_iou
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["classes"] == ["background", "thing"] and content["iou"] == scores.iou


def test_the_figures_of_classes_are_read_but_for_those_left_out_of_the_mean(tmp_path):
    write_scores(tmp_path / "a.json", ClassScores(50.0, [50.0, 0.0], 0.5, 1, [1]), ["sky", "sea"])
    scores = read_class_scores(tmp_path / "a.json")
    assert scores is not None and scores.iou == {"sky": 50.0} and scores.mean == 50.0


@pytest.mark.parametrize("change", [{"classes": ["one"]}, {"iou": [1, "x"]}, {"iou": 3}, {"left_out": 1}])
def test_figures_of_classes_that_do_not_fit_are_named(tmp_path, change):
    write_scores(tmp_path / "a.json", CLASSES, ["background", "thing"])
    content = json.loads((tmp_path / "a.json").read_text()) | change
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="not a score file"):
        read_class_scores(tmp_path / "a.json")


def test_a_score_that_is_not_there_is_none(tmp_path):
    assert read_mean_iou(tmp_path / "a.json") is None and read_class_scores(tmp_path / "a.json") is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"57.98", b"null", b'"mean_iou"', b"{}", b'{"mean_iou": null}', b'{"mean_iou": "57.98"}',
        b'{"mean_iou": true}', b'{"mean_iou": [1]}', b'{"mean_iou": NaN}', b'{"mean_iou": Infinity}',
        b'{"mean_iou": -1}', b'{"mean_iou": 100.1}', b'{"mean_iou": 1e999}', b"\xff\xfe", b"[" * 100_000,
        b'{"mean_iou": ' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_a_file_that_holds_no_score_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match="a.json: not a score file of the benchmark scripts") as caught:
        read_mean_iou(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_a_score_is_named(tmp_path):
    with pytest.raises(UserError, match="not a score file"):
        read_mean_iou(tmp_path)


def test_any_damage_to_a_score_file_leaves_a_score_or_one_clear_error(tmp_path):
    write_scores(tmp_path / "a.json", CLASSES, ["background", "thing"])
    whole, rng = (tmp_path / "a.json").read_bytes(), np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(256)
        (tmp_path / "a.json").write_bytes(damaged[: rng.integers(len(whole) + 1)] if rng.random() < 0.3 else damaged)
        try:
            assert 0 <= read_mean_iou(tmp_path / "a.json") <= 100
        except UserError as error:
            assert "a.json" in str(error)
