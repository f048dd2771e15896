import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spml.data.lists import read_list
from spml.errors import UserError
from spml.prepare.voc_lists import train_aug_ids, voc_lists

VOC_TRAIN, VOC_VAL, VOC_TEST = ["2007_000009", "2007_000002"], ["2007_000003", "2007_000004"], ["2008_000006"]
SBD_TRAIN, SBD_VAL = ["2008_000008", "2007_000003", "2007_000009"], ["2008_000007", "2007_000004"]
ids = st.lists(st.integers(0, 60).map("2007_{:06d}".format), unique=True)
TRAIN_AUG = ["2007_000009", "2007_000002", "2008_000007", "2008_000008"]


def write_ids(path, ids):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in ids))


@pytest.fixture
def tree(tmp_path):
    splits = tmp_path / "VOC2012/ImageSets/Segmentation"
    write_ids(splits / "train.txt", VOC_TRAIN)
    write_ids(splits / "val.txt", VOC_VAL)
    write_ids(tmp_path / "VOC2012-test/ImageSets/Segmentation/test.txt", VOC_TEST)
    write_ids(tmp_path / "sbd/dataset/train.txt", SBD_TRAIN)
    write_ids(tmp_path / "sbd/dataset/val.txt", SBD_VAL)
    return tmp_path


def run(tree, *argv):
    voc_lists(["--data_dir", str(tree), "--workers", "0", *argv])


def lines(tree, name):
    return (tree / "lists" / name).read_text().splitlines()


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        ("full", "segcls"),
        ("tag", "cam/seam_a6_th0.2"),
        ("box", "cam/seambox_a6_th0.5"),
        ("scribble", "scribble/dilate_3"),
        ("point", "scribble/dilate_6_0.0"),
    ],
)
def test_training_lists_hold_exactly_train_aug_in_the_published_layout(tree, kind, folder):
    run(tree)
    assert lines(tree, f"train_{kind}.txt") == [
        f"VOC2012/JPEGImages/{name}.jpg VOC2012/{folder}/{name}.png VOC2012/hed/{name}.png" for name in TRAIN_AUG
    ]


def test_val_pairs_with_the_truth_twice_and_test_has_images_only(tree):
    run(tree)
    assert lines(tree, "val.txt") == [
        f"VOC2012/JPEGImages/{name}.jpg VOC2012/segcls/{name}.png VOC2012/segcls/{name}.png" for name in VOC_VAL
    ]
    assert lines(tree, "test.txt") == ["VOC2012-test/JPEGImages/2008_000006.jpg"]


def test_other_scribble_lengths_on_demand(tree):
    run(tree, "--kinds", "scribble_0.5")
    assert "VOC2012/scribble/dilate_3_0.5/2007_000009.png" in lines(tree, "train_scribble_0.5.txt")[0]
    assert not (tree / "lists/train_tag.txt").exists()


def test_unusual_numbers_of_images_are_a_warning_that_names_both(tree, shown_log):
    run(tree)
    warnings = shown_log.readouterr().err
    assert "train has 4 images, the published split has 10582" in warnings
    assert "val has 2 images, the published split has 1449" in warnings
    assert "test has 1 images, the published split has 1456" in warnings


def test_missing_files_are_a_warning_or_with_check_an_error_before_anything_is_written(tree, shown_log):
    with pytest.raises(UserError, match="train_full.txt: 4 of 4 files in VOC2012/hed are missing: .*2007_000009.png"):
        run(tree, "--check")
    assert not (tree / "lists").exists()
    run(tree)
    assert "warning: val.txt: 2 of 2 files in VOC2012/JPEGImages are missing" in shown_log.readouterr().err


def test_complete_trees_pass_the_check_and_load(tree, shown_log):
    run(tree, "--kinds", "full")
    for name in ("train_full.txt", "val.txt", "test.txt"):
        for path in " ".join(lines(tree, name)).split():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).touch()
    shown_log.readouterr()
    run(tree, "--kinds", "full", "--check")
    assert "missing" not in shown_log.readouterr().err
    assert [sample.id for sample in read_list(tree, tree / "lists/train_full.txt")] == TRAIN_AUG
    assert [sample.id for sample in read_list(tree, tree / "lists/test.txt", need_labels=False)] == VOC_TEST


def test_without_test_images_there_is_no_test_list(tree, shown_log):
    (tree / "VOC2012-test/ImageSets/Segmentation/test.txt").unlink()
    run(tree)
    assert "test.txt is not written" in shown_log.readouterr().err
    assert not (tree / "lists/test.txt").exists()
    write_ids(tree / "VOC2012/ImageSets/Segmentation/test.txt", VOC_TEST)
    run(tree)
    assert len(lines(tree, "test.txt")) == 1


def test_existing_lists_are_left_on_demand(tree):
    write_ids(tree / "lists/val.txt", ["mine"])
    run(tree, "--skip_existing")
    assert lines(tree, "val.txt") == ["mine"] and len(lines(tree, "train_full.txt")) == 4


def test_a_missing_split_file_is_named(tree):
    (tree / "sbd/dataset/val.txt").unlink()
    with pytest.raises(UserError, match="sbd/dataset/val.txt"):
        run(tree)


def test_test_images_may_lie_with_the_others(tree):
    shutil.move(tree / "VOC2012-test/ImageSets/Segmentation/test.txt", tree / "VOC2012/ImageSets/Segmentation/test.txt")
    shutil.rmtree(tree / "VOC2012-test")
    run(tree)
    assert lines(tree, "test.txt") == ["VOC2012/JPEGImages/2008_000006.jpg"]


@given(ids, ids, ids, ids)
def test_train_aug_is_the_published_set_in_the_published_order(voc_train, voc_val, sbd_train, sbd_val):
    found = train_aug_ids(voc_train, voc_val, sbd_train, sbd_val)
    assert set(found) == (set(sbd_train) | set(sbd_val) | set(voc_train)) - set(voc_val)
    assert len(set(found)) == len(found)
    kept = [name for name in voc_train if name not in voc_val]
    assert found[: len(kept)] == kept
    assert found[len(kept) :] == sorted(found[len(kept) :])


def test_the_published_numbers_come_out_of_sets_of_the_published_overlaps():
    names = [f"2007_{number:06d}" for number in range(20_000)]
    voc_train, voc_val, others = names[:1464], names[1464:2913], names[2913 : 2913 + 9118]
    sbd_train, sbd_val = others[:6000] + voc_train[:1000], others[6000:] + voc_val[:800]
    found = train_aug_ids(voc_train, voc_val, sbd_train, sbd_val)
    assert len(found) == 10_582 and found[1464:] == others
