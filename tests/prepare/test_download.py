import os
import shutil
from pathlib import Path
from urllib.error import URLError

import pytest
import torchvision.datasets

from spml.errors import UserError
from spml.prepare.download import download_sbd, download_voc

VOC_FILES = ("Annotations/a.xml", "ImageSets/Segmentation/train.txt", "JPEGImages/a.jpg", "SegmentationClass/a.png")
SBD_FILES = ("cls/a.mat", "img/a.jpg", "train.txt", "val.txt")


def unpack(folder, names):
    """What unpacking an archive leaves, also over what is there."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("whole")


def fake_voc(root, **_):
    unpack(Path(root) / "VOCdevkit/VOC2012", VOC_FILES)


def fake_sbd(root, **_):
    assert not (Path(root) / "cls").exists()
    unpack(Path(root), SBD_FILES)


def offline(*_, **__):
    raise URLError("no route to host")


@pytest.mark.parametrize("fetch", [download_voc, download_sbd])
def test_being_offline_is_one_clear_line(monkeypatch, tmp_path, fetch):
    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", offline)
    monkeypatch.setattr(torchvision.datasets, "SBDataset", offline)
    with pytest.raises(UserError, match="--download: .* could not be fetched .*no route to host.*by hand"):
        fetch(tmp_path)


SETS = pytest.mark.parametrize(
    ("fetch", "loader", "fake", "place", "names"),
    [
        (download_voc, "VOCSegmentation", fake_voc, "VOC2012", VOC_FILES),
        (download_sbd, "SBDataset", fake_sbd, "sbd/dataset", SBD_FILES),
    ],
)


@SETS
def test_a_set_comes_to_its_place_beside_what_was_there_and_once(
    monkeypatch, tmp_path, fetch, loader, fake, place, names
):
    monkeypatch.setattr(torchvision.datasets, loader, fake)
    (tmp_path / place / "hed").mkdir(parents=True)
    fetch(tmp_path)
    assert all((tmp_path / place / name).read_text() == "whole" for name in names)
    assert (tmp_path / place / "hed").is_dir()
    monkeypatch.setattr(torchvision.datasets, loader, offline)
    fetch(tmp_path)


class Killed(BaseException):
    """Stands for the end of the process."""


@SETS
@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_a_download_killed_between_two_moves_goes_on(monkeypatch, tmp_path, fetch, loader, fake, place, names, moves):
    monkeypatch.setattr(torchvision.datasets, loader, fake)
    left = iter(range(moves))

    def move_or_die(source, target):
        if next(left, None) is None:
            raise Killed
        return os.rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "move", move_or_die)
        fetch(tmp_path)
    fetch(tmp_path)
    assert all((tmp_path / place / name).read_text() == "whole" for name in names)


@SETS
def test_what_a_killed_copy_left_is_copied_anew(monkeypatch, tmp_path, fetch, loader, fake, place, names):
    monkeypatch.setattr(torchvision.datasets, loader, fake)

    def copy_a_part_and_die(source, target):
        target.mkdir()
        (target / names[0]).parent.mkdir(exist_ok=True)
        (target / names[0]).write_text("a part")
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "move", copy_a_part_and_die)
        fetch(tmp_path)
    fetch(tmp_path)
    assert all((tmp_path / place / name).read_text() == "whole" for name in names)
    assert not list((tmp_path / place).glob(".*"))


def test_a_place_that_cannot_be_written_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", fake_voc)
    (tmp_path / "VOC2012").write_text("a file")
    with pytest.raises(UserError, match="--download: .*VOC2012: cannot be filled"):
        download_voc(tmp_path)


def test_sbd_survives_an_interrupted_unpacking(monkeypatch, tmp_path):
    monkeypatch.setattr(torchvision.datasets, "SBDataset", fake_sbd)
    (tmp_path / "sbd/download/cls").mkdir(parents=True)
    download_sbd(tmp_path)
    assert (tmp_path / "sbd/dataset/cls/a.mat").is_file() and (tmp_path / "sbd/dataset/train.txt").is_file()
