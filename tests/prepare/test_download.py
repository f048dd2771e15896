from pathlib import Path
from urllib.error import URLError

import pytest
import torchvision.datasets

from spml.errors import UserError
from spml.prepare.download import download_sbd, download_voc


def fake_voc(root, **_):
    (root_dir := Path(root) / "VOCdevkit/VOC2012/SegmentationClass").mkdir(parents=True)
    (root_dir / "a.png").touch()


def offline(*_, **__):
    raise URLError("no route to host")


@pytest.mark.parametrize("fetch", [download_voc, download_sbd])
def test_being_offline_is_one_clear_line(monkeypatch, tmp_path, fetch):
    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", offline)
    monkeypatch.setattr(torchvision.datasets, "SBDataset", offline)
    with pytest.raises(UserError, match="--download: .* could not be fetched .*no route to host.*by hand"):
        fetch(tmp_path)


def test_voc_comes_to_its_place_beside_what_was_there(monkeypatch, tmp_path):
    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", fake_voc)
    (tmp_path / "VOC2012/hed").mkdir(parents=True)
    download_voc(tmp_path)
    assert (tmp_path / "VOC2012/SegmentationClass/a.png").is_file() and (tmp_path / "VOC2012/hed").is_dir()
    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", offline)
    download_voc(tmp_path)


def test_sbd_survives_an_interrupted_unpacking(monkeypatch, tmp_path):
    def fake_sbd(root, **_):
        root = Path(root)
        (root / "cls").mkdir(parents=True)
        (root / "cls/a.mat").touch()
        (root / "train.txt").touch()

    monkeypatch.setattr(torchvision.datasets, "SBDataset", fake_sbd)
    (tmp_path / "sbd/download/cls").mkdir(parents=True)
    download_sbd(tmp_path)
    assert (tmp_path / "sbd/dataset/cls/a.mat").is_file() and (tmp_path / "sbd/dataset/train.txt").is_file()
    monkeypatch.setattr(torchvision.datasets, "SBDataset", offline)
    download_sbd(tmp_path)
