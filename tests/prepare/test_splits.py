import pytest
from hypothesis import given
from hypothesis import strategies as st

from spml.errors import UserError
from spml.prepare.splits import coco_image, describe_missing, read_ids, train_aug_ids

ids = st.lists(st.integers(0, 60).map("2007_{:06d}".format), unique=True)


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a\nb\na\n", "a occurs twice"),
        ("../../etc/passwd\n", "is no image id"),
        ("2007_000032 1\n", "is no image id"),
        ("a\x00b\n", "is no image id"),
    ],
)
def test_broken_split_files_are_refused(tmp_path, content, message):
    (tmp_path / "train.txt").write_text(content)
    with pytest.raises(UserError, match=f"train.txt: .*{message}"):
        read_ids(tmp_path / "train.txt")


def test_a_split_file_keeps_its_order(tmp_path):
    (tmp_path / "train.txt").write_text("b\r\n\r\na\r\n")
    assert read_ids(tmp_path / "train.txt") == ["b", "a"]
    with pytest.raises(UserError, match="none.txt: cannot be read"):
        read_ids(tmp_path / "none.txt")


def test_missing_files_are_counted_by_folder_with_the_first_named(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image/0.jpg").touch()
    rows = [(f"image/{n}.jpg", f"label/{n}.png", f"label/{n}.png") for n in range(5)]
    assert describe_missing("val.txt", rows, tmp_path) == [
        "val.txt: 4 of 5 files in image are missing: image/1.jpg, image/2.jpg, image/3.jpg, ...",
        "val.txt: 5 of 5 files in label are missing: label/0.png, label/1.png, label/2.png, ...",
    ]


def test_coco_images_lie_in_the_folder_of_their_name():
    assert coco_image("COCO_val2014_000000000042") == "images/val2014/COCO_val2014_000000000042.jpg"
