"""What the training flags take; the training scripts called as users call them."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spml.commands.flags import training_parser
from spml.data.files import write_image
from spml.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def test_training_flags_and_pairs_of_options():
    words = (
        "--cfg_path c.yaml --snapshot_dir s --data_dir d --data_list l --semantic_dir p --device cpu --opts a 1 b -2"
    )
    args = training_parser().parse_args(words.split())
    expected = {"cfg_path": "c.yaml", "snapshot_dir": "s", "data_dir": "d", "data_list": "l", "semantic_dir": "p"}
    assert vars(args) == {**expected, "device": "cpu", "opts": ["a", "1", "b", "-2"]}


@pytest.mark.parametrize("words", ["", "--cfg_path c.yaml", "--cfg_path c --snapshot_dir s --batch 3", "--cfg c"])
def test_missing_unknown_and_shortened_flags_are_users_mistakes(words):
    with pytest.raises(UserError, match="--help lists the flags"):
        training_parser().parse_args(words.split())


@pytest.fixture
def command(tiny_data, write_config, tmp_path):
    """The words of a training command on the tiny data, snapshots going to tmp_path/run."""

    def build(config=None, script="train.py"):
        words = [ROOT / "pyscripts" / "train" / script, "--cfg_path", config or write_config(), "--device", "cpu"]
        words += ["--data_dir", tiny_data.root, "--data_list", tiny_data.list, "--snapshot_dir", tmp_path / "run"]
        return [str(word) for word in words]

    return build


@pytest.fixture
def complaint(monkeypatch, tmp_path, capsys):
    """Runs a script in this process and returns the one line it ends with; nothing may be written."""

    def of(words):
        capsys.readouterr()
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
            patch.setattr(sys, "argv", words)
            runpy.run_path(words[0], run_name="__main__")
        line = str(end.value.code)  # a text, which the interpreter writes to stderr with exit status 1
        assert line.startswith("error: ") and "\n" not in line
        assert not (tmp_path / "run").exists()
        return line

    return of


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": {"base_rl": 1}}, "unknown key train.base_rl; did you mean train.base_lr?"),
        ({"network": {"use_syncbn": "USE_SYNCBN"}}, "network.use_syncbn is 'USE_SYNCBN', expected true or false"),
        ({"network": {"backbone_types": "panoptic_deeplab_99"}}, "network.backbone_types is 'panoptic_deeplab_99'"),
        ({"network": {"pretrained": "nowhere.pth"}}, "nowhere.pth: no such snapshot or weight file"),
        ({"train": {"resume": True, "batch_size": 0}}, "train.batch_size is 0"),
    ],
)
def test_a_mistake_in_the_configuration_ends_in_one_line(command, complaint, write_config, changes, words):
    assert words in complaint(command(write_config(**changes)))


def test_broken_yaml_ends_in_one_line(command, complaint, tmp_path):
    (tmp_path / "broken.yaml").write_text("train: [1,\nnetwork: }")
    assert "broken.yaml: not valid YAML" in complaint(command(tmp_path / "broken.yaml"))
    assert "nowhere.yaml" in complaint(command(tmp_path / "nowhere.yaml"))


def test_weights_that_do_not_fit_end_in_one_line(command, complaint, write_config, tmp_path):
    torch.save(
        {"aspp.aspp_1.0.weight": torch.zeros(3), "resnet_backbone.conv1.bn1.bias": torch.zeros(48)}, tmp_path / "w.pth"
    )
    message = complaint(command(write_config(network={"pretrained": str(tmp_path / "w.pth")})))
    assert "w.pth: aspp.aspp_1.0.weight has shape (3,)" in message
    (tmp_path / "w.pth").write_text("no weights")
    assert "w.pth: not a readable weight file" in complaint(
        command(write_config(network={"pretrained": str(tmp_path / "w.pth")}))
    )


def test_mistakes_in_the_data_end_in_one_line(command, complaint, tiny_data):
    lines = tiny_data.list.read_text()
    for text, words in (
        ("", "is empty"),
        (lines + "image/a.png semantic/a.png\n", "line 5: expected 'image semantic instance'"),
        (lines + "image/e.png semantic/a.png instance/a.png\n", "image/e.png not found"),
    ):
        tiny_data.list.write_text(text)
        assert words in complaint(command())


def test_a_broken_image_ends_in_one_line(command, complaint, tiny_data):
    for name in tiny_data.ids:
        (tiny_data.root / "image" / f"{name}.png").write_text("no image")
    assert ".png: not a readable image" in complaint(command())


def test_a_label_of_another_size_ends_in_one_line(command, complaint, tiny_data):
    for name in tiny_data.ids:
        write_image(tiny_data.root / "instance" / f"{name}.png", np.zeros((3, 4), np.uint8))
    assert "is 4×3 pixels, its image" in complaint(command())


def test_a_device_that_is_not_there_ends_in_one_line(command, complaint):
    words = command()
    words[words.index("cpu")] = "teapot"
    assert "--device teapot: cannot be used here" in complaint(words)


@pytest.mark.parametrize(
    ("script", "classes", "words"),
    [
        ("train_classifier.py", 4, "this script needs 'softmax_classifier'"),
        ("train_densepose_classifier.py", 15, "this script needs 'softmax_classifier'"),
        ("train_densepose.py", 4, "dataset.mirror_classes to each class 0..3 once"),
    ],
)
def test_each_training_script_knows_its_stage_and_data_set(command, complaint, write_config, script, classes, words):
    assert words in complaint(command(write_config(dataset={"num_classes": classes}), script))


def as_user(words):
    """Run a script in a process of its own, from the project's root."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_mistake_ends_the_process_with_status_1_and_nothing_but_the_line(command, write_config):
    result = as_user(command(write_config(train={"base_rl": 1})))
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")


@pytest.mark.slow
def test_a_mistake_in_the_middle_of_training_ends_on_a_line_of_its_own(command, tiny_data, tmp_path):
    (tiny_data.root / "image" / "a.png").write_text("no image")
    result = as_user(command())
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"error: {tiny_data.root / 'image' / 'a.png'}")
    assert not list((tmp_path / "run").glob("*.pth"))
