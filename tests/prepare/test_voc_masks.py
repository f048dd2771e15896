import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from spml.data.files import read_label
from spml.errors import UserError
from spml.prepare.voc_masks import grey_from_colour, read_sbd, voc_masks
from spml.visualize import voc_palette

LABEL = np.array([[0, 1, 15], [20, 255, 8]], np.uint8)


def write_colour(path, label, mode="P"):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(label)
    image.putpalette(voc_palette().tobytes())
    image.convert(mode).save(path)


def write_sbd(path, label):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"GTcls": {"Segmentation": label, "CategoriesPresent": np.unique(label)}}, do_compression=True)


def tree(root):
    write_colour(root / "VOC2012/SegmentationClass/2007_000001.png", LABEL)
    write_sbd(root / "sbd/dataset/cls/2007_000001.mat", np.zeros_like(LABEL))
    write_sbd(root / "sbd/dataset/cls/2008_000002.mat", np.where(LABEL == 255, 0, LABEL))


def test_a_known_colour_of_each_kind():
    colours = np.array([[[0, 0, 0], [128, 0, 0], [192, 128, 128], [0, 64, 128], [224, 224, 192]]], np.uint8)
    assert grey_from_colour(colours, "a.png").tolist() == [[0, 1, 15, 20, 255]]


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA"])
def test_masks_of_voc_win_over_those_of_sbd(tmp_path, mode):
    tree(tmp_path)
    write_colour(tmp_path / "VOC2012/SegmentationClass/2007_000001.png", LABEL, mode)
    voc_masks(["--data_dir", str(tmp_path), "--workers", "0"])
    assert read_label(tmp_path / "VOC2012/segcls/2007_000001.png").tolist() == LABEL.tolist()
    assert read_label(tmp_path / "VOC2012/segcls/2008_000002.png").tolist() == [[0, 1, 15], [20, 0, 8]]
    assert Image.open(tmp_path / "VOC2012/segcls/2008_000002.png").mode == "L"


def test_existing_masks_are_skipped_on_demand(tmp_path, shown_log):
    tree(tmp_path)
    voc_masks(["--data_dir", str(tmp_path), "--workers", "0"])
    (tmp_path / "VOC2012/segcls/2008_000002.png").unlink()
    voc_masks(["--data_dir", str(tmp_path), "--workers", "0", "--skip_existing"])
    assert "1 converted, 1 already there" in shown_log.readouterr().out


def test_a_colour_of_no_class_names_file_and_colour(tmp_path):
    with pytest.raises(UserError, match="a.png: #010101 is no VOC colour"):
        grey_from_colour(np.ones((2, 2, 3), np.uint8), "a.png")


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 100, b"MATLAB 5.0 MAT-file" + b"\0" * 105 + b"\x00\x01IM\xff\xff"]
)
def test_a_broken_mat_is_one_clear_error(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(UserError, match="a.mat: not a readable .mat"):
        read_sbd(tmp_path / "a.mat")


@pytest.mark.parametrize(
    "content",
    [
        {"other": np.zeros((2, 2))},
        {"GTcls": np.zeros((2, 2))},
        {"GTcls": {"Segmentation": np.full((2, 2), 21)}},
        {"GTcls": {"Segmentation": np.full((2, 2), 0.5)}},
        {"GTcls": {"Segmentation": np.full((2, 2), np.nan)}},
        {"GTcls": {"Segmentation": "text"}},
        {"GTcls": {"Segmentation": np.zeros((2, 2, 2))}},
        {"GTcls": {"Segmentation": np.zeros((0, 2))}},
    ],
)
def test_a_mat_that_is_no_sbd_mask_is_refused(tmp_path, content):
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(UserError, match="a.mat: "):
        read_sbd(tmp_path / "a.mat")


def test_a_truncated_mat_leaves_no_mask(tmp_path):
    tree(tmp_path)
    mat = tmp_path / "sbd/dataset/cls/2008_000002.mat"
    mat.write_bytes(mat.read_bytes()[:-10])
    with pytest.raises(UserError, match="2008_000002.mat"):
        voc_masks(["--data_dir", str(tmp_path), "--workers", "2"])
    assert not (tmp_path / "VOC2012/segcls/2008_000002.png").exists()


def test_missing_sources_are_named(tmp_path):
    with pytest.raises(UserError, match="SBD masks .*sbd/dataset/cls: no such folder"):
        voc_masks(["--data_dir", str(tmp_path)])
    with pytest.raises(UserError, match="--data_dir .*none"):
        voc_masks(["--data_dir", str(tmp_path / "none")])
