import logging

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from spml.data.files import read_label
from spml.data.voc_xml import read_boxes
from spml.errors import UserError
from spml.prepare.msrc21 import MSRC21_CLASSES, msrc21, read_msrc21, split_of

GRASS, COW, HORSE, SKY, MOUNTAIN, BOAT = 2, 4, 5, 7, 8, 23  # as raw labels
SIZE = (60, 80)


def segments():
    """Grass at the bottom, sky at the top, two cows, a mountain, a slip of 20 pixels of boat, and a rest beyond."""
    numbers = np.full(SIZE, 1, np.uint8)
    numbers[:20] = 2
    numbers[25:45, 5:25] = 3
    numbers[25:45, 40:70] = 4
    numbers[10:20, 30:60] = 5
    numbers[50:54, 70:75] = 6
    numbers[55:] = 7
    return numbers, np.array([GRASS, SKY, COW, COW, MOUNTAIN, BOAT], np.uint8)


def write_mat(path, numbers, labels, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"newseg": numbers, "newlabels": labels, **more}, do_compression=True)
    return path


def add_raw(root, name, numbers, labels):
    write_mat(root / f"newsegmentations_mats/{name}_GT.mat", numbers, labels)
    (root / "Images").mkdir(exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (*numbers.shape, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(root / f"Images/{name}.bmp")


@pytest.fixture
def raw(tmp_path):
    """Five raw images in the form in which the set is handed out, one of them of a horse alone."""
    for name in ("2_10_s", "2_2_s", "2_3_s", "11_4_s"):
        add_raw(tmp_path / "raw", name, *segments())
    add_raw(tmp_path / "raw", "8_1_s", np.ones(SIZE, np.uint8), np.array([HORSE], np.uint8))
    return tmp_path


def call(folder, *flags):
    msrc21(["--data_dir", str(folder / "raw"), "--save_dir", str(folder / "out"), "--workers", "0", *flags])


def test_classes_are_those_of_msrc_without_horse_and_mountain():
    assert len(MSRC21_CLASSES) == 21
    assert [MSRC21_CLASSES[n] for n in (0, 1, 3, 4, 5, 6, 20)] == [
        "building", "grass", "cow", "sheep", "sky", "aeroplane", "boat",
    ]  # fmt: skip


def test_segments_become_classes_and_those_large_enough_instances(tmp_path):
    numbers, labels = segments()
    mask, instances = read_msrc21(write_mat(tmp_path / "a.mat", numbers, labels))
    expected = np.array([255, 1, 5, 3, 3, 255, 20, 255])[numbers]
    assert mask.dtype == instances.dtype == np.uint8 and np.array_equal(mask, expected)
    assert np.array_equal(instances, np.array([255, 0, 1, 2, 3, 255, 255, 255])[numbers])


def test_numbers_may_be_stored_as_fractions_and_a_label_of_0_is_void(tmp_path):
    numbers, labels = segments()
    labels[0] = 0
    mask, instances = read_msrc21(write_mat(tmp_path / "a.mat", numbers.astype(float), labels[:, None].astype(float)))
    assert np.unique(mask[numbers == 1]).tolist() == [255] and np.unique(instances[numbers == 2]).tolist() == [0]


def test_of_each_scene_every_third_image_is_test_and_every_ninth_val():
    assert [split_of(f"3_{n}_s") for n in range(1, 11)] == [
        "val", "train", "test", "train", "train", "test", "train", "train", "test", "val",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"photo: is no image of MSRC-21; expected a name like 1_10_s"):
        split_of("photo")


def test_all_files_of_an_image_are_written_and_the_lists_name_them(raw, caplog):
    caplog.set_level(logging.INFO)
    call(raw)
    out, numbers = raw / "out", segments()[0]
    assert sorted(path.name for path in out.iterdir()) == [
        "boxes", "classes.txt", "images", "instances", "lists", "masks", "points", "scribbles",
        "tags.txt", "test.txt", "train.txt", "val.txt",
    ]  # fmt: skip
    assert (out / "tags.txt").read_text().splitlines()[0] == "11_4_s 1 3 5 20"
    assert (out / "train.txt").read_text() == "2_2_s\n11_4_s\n" and (out / "val.txt").read_text() == "2_10_s\n"
    rows = (out / "lists/train_point.txt").read_text().splitlines()
    assert rows[0] == "images/2_2_s.jpg points/2_2_s.png regions/2_2_s.png" and len(rows) == 2
    assert (out / "lists/test.txt").read_text() == "images/2_3_s.jpg masks/2_3_s.png instances/2_3_s.png\n"
    assert np.array_equal(read_label(out / "masks/2_3_s.png"), np.array([255, 1, 5, 3, 3, 255, 20, 255])[numbers])
    with Image.open(out / "images/2_3_s.jpg") as image:
        assert image.format == "JPEG" and image.size == SIZE[::-1]
    assert "1 left out, with nothing but void: 8_1_s" in caplog.text and not (out / "masks/8_1_s.png").exists()
    assert "2 train, 1 val, 1 test" in caplog.text


def test_each_segment_has_one_dot_and_one_stroke_of_its_class_inside(raw):
    call(raw)
    for name in ("2_10_s", "2_2_s", "11_4_s"):
        mask, instances = (read_label(raw / f"out/{kind}/{name}.png") for kind in ("masks", "instances"))
        points, scribbles = (read_label(raw / f"out/{kind}/{name}.png") for kind in ("points", "scribbles"))
        for marks in (points, scribbles):
            assert np.array_equal(marks[marks != 254], mask[marks != 254])
            assert set(np.unique(instances[marks != 254])) == {0, 1, 2, 3}
        dots = [np.argwhere((points != 254) & (instances == n)) for n in range(4)]
        assert [len(dot) for dot in dots[2:]] == [29, 29]  # a disc of radius 3, whole inside the cows
        assert all(np.ptp(dot, axis=0).max() == 6 for dot in dots)
        strokes = [((scribbles != 254) & (instances == n)).sum() for n in range(4)]
        assert strokes[0] > 100 and 20 < min(strokes) < 100


def test_boxes_are_those_of_the_segments(raw):
    call(raw)
    size, boxes = read_boxes(raw / "out/boxes/2_2_s.xml", MSRC21_CLASSES)
    assert size == SIZE
    assert [tuple(box) for box in boxes] == [
        (1, 0, 20, 80, 55),
        (5, 0, 0, 80, 20),
        (3, 5, 25, 25, 45),
        (3, 40, 25, 70, 45),
    ]


def test_the_seed_decides_the_marks_and_an_image_does_not_depend_on_the_others(raw):
    call(raw)
    first = {name: read_label(raw / f"out/points/{name}.png") for name in ("2_2_s", "11_4_s")}
    assert (first["2_2_s"] != first["11_4_s"]).any()
    (raw / "raw/Images/2_10_s.bmp").unlink()
    call(raw)
    assert np.array_equal(read_label(raw / "out/points/2_2_s.png"), first["2_2_s"])
    call(raw, "--seed", "1")
    assert (read_label(raw / "out/points/2_2_s.png") != first["2_2_s"]).any()


def test_what_has_no_partner_is_left_out_and_said(raw, caplog):
    (raw / "raw/Images/2_2_s.bmp").unlink()
    (raw / "raw/newsegmentations_mats/2_3_s_GT.mat").unlink()
    call(raw)
    assert "1 left out, with no .mat" in caplog.text and "1 left out, with no image" in caplog.text
    assert sorted(path.stem for path in (raw / "out/images").glob("[!.]*")) == ["11_4_s", "2_10_s"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"newseg": np.full(SIZE, 0.5)}, "newseg holds 0.5..0.5; expected whole numbers up to 255"),
        ({"newseg": np.full(SIZE, np.nan)}, "newseg holds nan"),
        ({"newseg": np.full(SIZE, 300)}, "newseg holds 300..300"),
        ({"newseg": np.ones((2, 2, 2))}, "newseg is no array"),
        ({"newseg": "text"}, "newseg is no array"),
        ({"newlabels": np.array([24])}, "newlabels holds 24..24; expected whole numbers up to 23"),
        ({"newlabels": np.zeros((1, 0))}, "newlabels is no array"),
        ({"newlabels": np.ones(256)}, "newlabels has 256 entries"),
        ({"newlabels": {"a": 1}}, "newlabels is no array"),
    ],
)
def test_a_mat_of_another_form_is_named_and_nothing_is_written(raw, change, message):
    numbers, labels = segments()
    savemat(raw / "raw/newsegmentations_mats/2_2_s_GT.mat", {"newseg": numbers, "newlabels": labels, **change})
    with pytest.raises(UserError, match=f"2_2_s_GT.mat: {message}"):
        call(raw)
    assert not (raw / "out").exists()


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 100, b"MATLAB 5.0 MAT-file" + b"\0" * 105 + b"\x00\x01IM\xff\xff"]
)
def test_a_broken_mat_is_named_and_nothing_is_written(raw, content):
    (raw / "raw/newsegmentations_mats/2_2_s_GT.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"2_2_s_GT\.mat: not a readable \.mat"):
        call(raw)
    assert not (raw / "out").exists()


def test_random_bytes_in_a_mat_are_a_result_or_one_clear_error(tmp_path):
    rng = np.random.default_rng(0)
    path = write_mat(tmp_path / "a.mat", *segments())
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    results = set()
    for _ in range(100):
        broken = whole.copy()
        broken[rng.integers(len(whole), size=rng.integers(1, 4))] = rng.integers(256)
        path.write_bytes(broken[: rng.integers(len(whole) // 2, len(whole) + 40)].tobytes())
        try:
            results.add(read_msrc21(path)[0].ndim)
        except UserError as error:
            assert str(error).startswith(str(path))
            results.add("refused")
    assert results == {2, "refused"}


def test_an_image_of_another_size_a_strange_name_and_missing_folders_are_named(raw):
    Image.new("RGB", (7, 9)).save(raw / "raw/Images/2_2_s.bmp")
    with pytest.raises(UserError, match=r"2_2_s_GT\.mat: is for 80×60 pixels, but .*2_2_s\.bmp has another size"):
        call(raw)
    add_raw(raw / "raw", "holiday", *segments())
    with pytest.raises(UserError, match="holiday: is no image of MSRC-21"):
        call(raw)
    with pytest.raises(UserError, match="--data_dir .*none: no such folder"):
        msrc21(["--data_dir", str(raw / "none"), "--save_dir", str(raw / "out")])
    assert not (raw / "out").exists()


def test_images_and_segmentations_of_which_none_belong_together_are_named(raw):
    for path in (raw / "raw/Images").iterdir():
        path.rename(path.with_name(f"1{path.name}"))
    with pytest.raises(UserError, match=r"no ID\.bmp in Images has its ID_GT\.mat in newsegmentations_mats"):
        call(raw)
