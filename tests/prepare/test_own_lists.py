"""Which photographs train, need seeds, or are for validation."""

import numpy as np
import pytest

from spml.data.files import write_image
from spml.errors import UserError
from spml.prepare.own_lists import choose_validation, own_lists

IDS = [f"p.{n}" for n in range(10)]


@pytest.fixture
def prepared(tmp_path):
    """What annotations.py writes of ten photographs: one has tags alone, one a class that its label does not show."""
    for n, name in enumerate(IDS):
        label = np.full((4, 4), 254, np.uint8)
        label[0, 0] = 1 if n else 254
        write_image(tmp_path / f"labels/{name}.png", label)
    (tmp_path / "classes.txt").write_text("background\ncow\nsky\n")
    (tmp_path / "tags.txt").write_text("".join(f"{name} 1{' 2' * (n == 3)}\n" for n, name in enumerate(IDS)))
    (tmp_path / "train.txt").write_text("".join(f"i/{n}.jpg labels/{n}.png regions/{n}.png\n" for n in IDS))
    (tmp_path / "images.txt").write_text("".join(f"i/{n}.jpg\n" for n in [*IDS, "x", "y"]))
    return tmp_path


def lists(folder, *flags):
    own_lists(["--prepared_dir", str(folder), "--save_dir", str(folder / "lists"), "--workers", "0", *flags])
    return {path.stem: path.read_text().splitlines() for path in (folder / "lists").iterdir()}


def test_without_truth_all_annotated_photographs_train(prepared, log):
    found = lists(prepared)
    assert found["train"] == (prepared / "train.txt").read_text().splitlines()
    assert found["seeds"] == [found["train"][0], found["train"][3]] and found["val"] == found["train_truth"] == []
    assert log[-1][1] == "to train on: 10, of which 2 have classes that only tags name"


def test_classes_that_boxes_name_need_no_seeds_of_tags(prepared):
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>"
    size = "<size><width>4</width><height>4</height></size>"
    for number, name in ((0, "cow"), (3, "cow")):
        path = prepared / f"boxes/{IDS[number]}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<annotation>{size}<object><name>{name}</name>{box}</object></annotation>")
    found = lists(prepared)
    assert found["seeds"] == [found["train"][3]]


def test_validation_takes_photographs_with_truth_alone_and_few_that_are_annotated(prepared, log):
    for name in ("x", IDS[1], IDS[2], IDS[4]):
        write_image(prepared / f"truth/{name}.png", np.zeros((4, 4), np.uint8))
    found = lists(prepared, "--truth_dir", str(prepared / "truth"))
    assert "i/x.jpg" in found["val"] and len(found["val"]) == 2 and len(found["train"]) == 9
    assert not {line.split()[0] for line in found["train"]} & set(found["val"])
    assert len(found["train_truth"]) == 2 and log[-1][1].startswith("for validation: 2, of which 1 are annotated too")


def test_a_fifth_of_the_annotated_photographs_is_drawn_by_the_seed():
    names = [f"{n:02}" for n in range(20)]
    drawn = choose_validation(names, names, 0)
    assert len(drawn) == 4 and drawn == choose_validation(names[::-1], names[::-1], 0)
    assert drawn != choose_validation(names, names, 1)
    assert choose_validation(names, ["a", "b", "c", "d", "00"], 0) == {"a", "b", "c", "d"}
    assert choose_validation(["a"], ["a"], 0) == {"a"}


def test_a_photograph_without_a_line_of_tags_is_named(prepared):
    lines = (prepared / "tags.txt").read_text().splitlines()
    (prepared / "tags.txt").write_text("\n".join(lines[2:]) + "\n")
    with pytest.raises(UserError, match=f"tags.txt: has no line for {IDS[0]} and 1 more"):
        lists(prepared)


def test_lists_that_would_be_empty_are_refused(prepared):
    write_image(prepared / "truth/other.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match="--truth_dir .*truth: holds no ID.png of a photograph"):
        lists(prepared, "--truth_dir", str(prepared / "truth"))
    line = (prepared / "train.txt").read_text().splitlines()[0]
    (prepared / "train.txt").write_text(line + "\n")
    write_image(prepared / f"truth/{IDS[0]}.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(UserError, match="train.txt: all 1 annotated photographs .* none is left to train"):
        lists(prepared, "--truth_dir", str(prepared / "truth"))


def test_truth_that_shows_no_class_is_none_and_classes_that_validation_takes_are_named(prepared, log):
    write_image(prepared / "truth/x.png", np.full((4, 4), 254, np.uint8))
    write_image(prepared / f"truth/{IDS[3]}.png", np.zeros((4, 4), np.uint8))
    found = lists(prepared, "--truth_dir", str(prepared / "truth"))
    assert found["val"] == [f"i/{IDS[3]}.jpg"]
    said = [text for _, text in log]
    assert "truth in which no pixel is of a class, left out: x" in said
    assert "no labels to train on, but in photographs for validation: sky" in said
    (prepared / f"truth/{IDS[3]}.png").unlink()
    with pytest.raises(UserError, match="holds no ID.png of a photograph with a pixel of a class"):
        lists(prepared, "--truth_dir", str(prepared / "truth"))


def test_classes_that_nothing_speaks_of_are_named(prepared, log):
    (prepared / "classes.txt").write_text("background\ncow\nsky\nbus\ntram\n")
    lists(prepared)
    assert ("WARNING", "no label, box or tag of bus, tram: no mask will show it") in log


def test_a_background_that_nothing_shows_is_named(prepared, log):
    said = ("WARNING", "nothing says what is background: masks may show objects alone; label some of it")
    lists(prepared)  # where tags alone name classes their maps will show it
    assert said not in log
    (prepared / "tags.txt").write_text("".join(f"{name} 1\n" for name in IDS))
    write_image(prepared / f"labels/{IDS[0]}.png", np.full((4, 4), 1, np.uint8))
    lists(prepared)
    assert said in log
    log.clear()
    write_image(prepared / f"labels/{IDS[1]}.png", np.eye(4, dtype=np.uint8))
    lists(prepared)
    assert said not in log


def test_truth_that_might_be_dots_is_doubted(prepared, log):
    truth = np.full((40, 40), 254, np.uint8)
    truth[:4, :4] = 1
    write_image(prepared / "truth/x.png", truth)
    lists(prepared, "--truth_dir", str(prepared / "truth"))
    said = "truth is of classes on 1.0 % of its pixels: are these masks, or are annotations and truth swapped?"
    assert ("WARNING", said) in log


def test_that_there_is_no_background_is_said_once(prepared, log):
    (prepared / "classes.txt").write_text("cow\nsky\nbus\n")
    lists(prepared)
    assert len([text for _, text in log if "is not called background" in text]) == 1
