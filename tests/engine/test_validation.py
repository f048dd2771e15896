"""Validation while training: what it measures, what it keeps, and that training goes on as without it."""

import pytest
import torch
from tiny_tasks import tiny_task

from spml.data.lists import read_list
from spml.engine import trainer, validation
from spml.engine.validation import Validation
from spml.errors import UserError

STEP = {"validate_step": 1, "validate_images": 3, "max_iteration": 3}


@pytest.fixture
def samples(tiny_data):
    """The tiny data; its weak labels stand for whole ones."""
    return read_list(tiny_data.root, tiny_data.list)


@pytest.fixture
def scores(monkeypatch):
    """Lets `mean_iou` give these figures, one after the other."""

    def give(*figures):
        rest = iter(figures)
        monkeypatch.setattr(Validation, "mean_iou", lambda self, task: next(rest))

    return give


def weights(path):
    content = torch.load(path, weights_only=True)
    return {f"{part}.{name}": value for part, values in content.items() for name, value in values.items()}


def test_training_goes_on_as_without_validation(tiny_config, samples, tmp_path):
    plain = trainer.train(tiny_config(train={"max_iteration": 3}), samples, tmp_path / "plain", "cpu")
    tried = trainer.train(tiny_config(train=STEP), samples, tmp_path / "tried", "cpu", samples)
    expected, got = weights(plain), weights(tried)
    assert all(torch.equal(value, got[name]) for name, value in expected.items())
    assert (tmp_path / "tried" / "best.txt").is_file()
    assert not (tmp_path / "plain" / "best").exists()


def test_the_best_weights_are_kept_and_named(tiny_config, samples, tmp_path, scores, log):
    scores(30.0, 50.0, 40.0)
    path = trainer.train(tiny_config(train={**STEP, "snapshot_step": 1}), samples, tmp_path / "run", "cpu", samples)
    (best,) = (tmp_path / "run" / "best").iterdir()
    assert best.name == "model-1.pth"
    assert (tmp_path / "run" / "best.txt").read_text() == "1 50.0000\n"
    expected = weights(path.with_name("model-1.pth"))
    assert all(torch.equal(value, expected[name]) for name, value in weights(best).items())
    assert ("INFO", "iteration 1: mIoU 50.00 on 3 images") in log


def test_a_resumed_run_keeps_the_best_of_before(tiny_config, samples, tmp_path, scores):
    scores(60.0, 20.0)
    first = tiny_config(train={**STEP, "max_iteration": 1})
    trainer.train(first, samples, tmp_path / "run", "cpu", samples)
    trainer.train(
        tiny_config(train={**STEP, "max_iteration": 2, "resume": True}), samples, tmp_path / "run", "cpu", samples
    )
    assert (tmp_path / "run" / "best.txt").read_text() == "0 60.0000\n"
    (tmp_path / "run" / "best.txt").write_text("what")
    with pytest.raises(UserError, match="best.txt: expected 'ITERATION MIOU'"):
        trainer.train(tiny_config(train={**STEP, "resume": True}), samples, tmp_path / "run", "cpu", samples)


def test_right_masks_have_a_hundred_percent_and_images_are_spread_over_the_list(
    tiny_config, samples, tmp_path, monkeypatch
):
    check = Validation(tiny_config(train={**STEP, "validate_images": 2}), samples, tmp_path, torch.device("cpu"))
    assert [sample.id for sample in check.images.samples] == ["a", "d"]
    task = tiny_task(check.config)
    truths = iter(check.images.read(i)[1] for i in range(2))
    monkeypatch.setattr(Validation, "_predict", lambda self, task, image: next(truths))
    assert check.mean_iou(task) == 100
    assert task.training


def test_masks_are_those_of_the_classifier_at_the_image_s_size(tiny_config, samples, tmp_path):
    check = Validation(tiny_config(train=STEP), samples, tmp_path, torch.device("cpu"))
    task = tiny_task(check.config).eval()
    image, _, _ = check.images.read(0)
    with torch.no_grad():
        task.prediction_model.semantic_classifier[-1].bias[2] = 1e3
        assert (check._predict(task, image) == 2).all()
        assert check._predict(task, image[:33]).shape == (33, 40)


def test_what_validation_needs_is_named(tiny_config, tmp_path):
    with pytest.raises(UserError, match="no sample to validate on; dataset.val_data_list names them"):
        Validation(tiny_config(train=STEP), [], tmp_path, torch.device("cpu"))
    assert validation.BEST == "best.txt"
