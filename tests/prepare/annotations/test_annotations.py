import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from annotations_written_by_tools import FILES, MSRC
from PIL import Image

from spml.data.class_names import read_class_names
from spml.data.files import read_label, write_image
from spml.data.lists import read_list
from spml.data.tag_files import read_tags
from spml.data.voc_xml import read_boxes
from spml.errors import UserError
from spml.prepare.annotations.annotations import OUTPUTS, annotations

SCRIPT = Path(__file__).parents[3] / "pyscripts" / "data" / "annotations.py"


@pytest.fixture
def run(tmp_path, photographs):
    """Runs the script in this process on a background, cow and grass; returns the folder that it wrote."""
    (tmp_path / "classes.txt").write_text("background\ncow\ngrass\n")
    folder = photographs(a=(40, 60), b=(40, 60), c=(40, 60))

    def convert(*paths, classes=tmp_path / "classes.txt", images=folder, flags=()):
        given = ["--annotations", *paths, "--image_dir", images, "--classes", classes, "--save_dir", tmp_path / "out"]
        annotations([*map(str, given), "--workers", "0", *flags])
        return tmp_path / "out"

    return convert


def labelme(path, *shapes, image="a.png"):
    """Writes LabelMe JSON of (label, kind, points)."""
    entries = [{"label": label, "shape_type": kind, "points": points} for label, kind, points in shapes]
    content = {"imagePath": image, "imageHeight": 40, "imageWidth": 60, "shapes": entries}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def mixed(tmp_path):
    """Annotations of every kind: shapes of a in LabelMe, a mask of b, tags of a."""
    shapes = [
        ("grass", "polygon", [[0, 0], [20, 0], [20, 20], [0, 20]]),
        ("cow", "point", [[10, 10]]),
        ("cow", "rectangle", [[30, 10], [50, 30]]),
        ("cows", "point", [[1, 1]]),
    ]
    labelme(tmp_path / "mixed" / "a.json", *shapes)
    write_image(tmp_path / "mixed" / "b.png", np.where(np.arange(60) < 30, 0, 2).astype(np.uint8)[None].repeat(40, 0))
    (tmp_path / "mixed" / "tags.txt").write_text("a cow\n")
    return tmp_path / "mixed"


def test_names_with_spaces_are_read_back_from_lists_and_tags(run, photographs, tmp_path):
    folder = photographs(**{"my photo": (40, 60)})
    labelme(tmp_path / "spaced" / "x.json", ("cow", "point", [[10, 10]]), image="my photo.png")
    (tmp_path / "spaced" / "tags.txt").write_text('"my photo" grass\n')
    out = run(tmp_path / "spaced")
    assert read_tags(out / "tags.txt", 3) == {"my photo": (1, 2)}
    write_image(out / "regions" / "my photo.png", read_label(out / "labels" / "my photo.png"))
    (sample,) = read_list(tmp_path, out / "train.txt")
    assert sample.image == folder / "my photo.png" and sample.semantic == out / "labels" / "my photo.png"


def test_mixed_annotations_give_labels_boxes_tags_and_lists_that_the_project_reads(run, mixed, tmp_path):
    out = run(mixed)
    label = read_label(out / "labels" / "a.png")
    assert [(label == value).sum() for value in (1, 2)] == [1, 399] and label[39, 59] == 254
    assert (read_label(out / "labels" / "b.png") == 2).sum() == 1200
    names = read_class_names(out / "classes.txt")
    size, boxes = read_boxes(out / "boxes" / "a.xml", names)
    assert size == (40, 60) and [tuple(box) for box in boxes] == [(1, 30, 10, 50, 30)]
    assert read_tags(out / "tags.txt", len(names)) == {"a": (1, 2), "b": (2,)}
    (out / "regions").mkdir()
    for name in "ab":
        write_image(out / "regions" / f"{name}.png", label)
    assert [sample.id for sample in read_list(tmp_path, out / "train.txt")] == ["a", "b"]
    assert [sample.id for sample in read_list(tmp_path, out / "images.txt", need_labels=False)] == ["a", "b", "c"]


def test_the_page_counts_shapes_and_names_what_was_left_out(run, mixed, caplog):
    labelme(mixed / "lost.json", image="nowhere.png")
    with caplog.at_level(logging.INFO, "spml"):
        page = (run(mixed) / "check.html").read_text()
    assert "<td><i style='background:#008000'></i>1 cow</td><td>1</td><td>0</td><td>1</td>" in page
    for remark in (
        "1 unknown classes, left out",
        "&#x27;cows&#x27;, did you mean &#x27;cow&#x27;?",
        "1 annotations without a photograph, left out",
        "1 photographs without annotations",
        "1 pixels with two labels",
    ):
        assert remark in page
    assert page.count("data:image/jpeg;base64,") == 2 and "http" not in page
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any(line.startswith("unknown classes, left out: 1: 'cows', did you mean 'cow'?") for line in warnings)


def test_names_of_classes_cannot_write_html(run, tmp_path):
    labelme(tmp_path / "x" / "a.json", ("<script>", "point", [[1, 1]]), ("cow", "point", [[1, 1]]))
    assert "<script>" not in (run(tmp_path / "x") / "check.html").read_text()


@pytest.mark.parametrize(("flags", "pixels"), [((), 1), (("--point_width", "7"), 37)])
def test_points_have_the_width_that_was_asked_for(run, tmp_path, flags, pixels):
    labelme(tmp_path / "x" / "a.json", ("cow", "point", [[30, 20]]))
    assert (read_label(run(tmp_path / "x", flags=flags) / "labels" / "a.png") == 1).sum() == pixels


def test_without_a_background_every_class_is_a_tag(run, tmp_path):
    labelme(tmp_path / "x" / "a.json", ("background", "point", [[30, 20]]), ("cow", "point", [[3, 2]]))
    assert (run(tmp_path / "x", flags=("--background", "none")) / "tags.txt").read_text() == "a 0 1\n"
    assert (run(tmp_path / "x") / "tags.txt").read_text() == "a 1\n"


def test_real_files_of_a_set_without_background_are_read(run, photographs, tmp_path):
    (tmp_path / "msrc.txt").write_text("\n".join(MSRC))
    out = run(
        FILES / "cvat.xml",
        classes=tmp_path / "msrc.txt",
        images=photographs(**{"19_5_s": (240, 320), "7_22_s": (213, 320)}),
    )
    assert (out / "tags.txt").read_text() == "19_5_s 0 2 5 19\n7_22_s 0 9 16\n"


def test_running_again_replaces_what_was_there(run, mixed, tmp_path):
    run(mixed)
    labelme(tmp_path / "x" / "c.json", ("cow", "point", [[1, 1]]), image="c.png")
    out = run(tmp_path / "x")
    assert sorted(path.name for path in out.iterdir()) == sorted(OUTPUTS) and not list((out / "boxes").iterdir())
    assert [path.name for path in (out / "labels").iterdir()] == ["c.png"]


def test_a_broken_file_leaves_nothing_half_written(run, mixed, tmp_path):
    (mixed / "z.json").write_text('{"shapes": 3')
    with pytest.raises(UserError, match="z.json, line 1"):
        run(mixed)
    assert not (tmp_path / "out").exists()


def test_a_failure_while_writing_keeps_what_was_there(run, mixed, monkeypatch):
    before = (run(mixed) / "check.html").read_text()

    def fail(*_):
        raise UserError("disk full")

    monkeypatch.setattr("spml.prepare.annotations.annotations.check_page", fail)
    with pytest.raises(UserError, match="disk full"):
        run(mixed, flags=("--point_width", "9"))
    out = mixed.parent / "out"
    assert (out / "check.html").read_text() == before and not list(out.glob(".*"))


def test_files_that_are_not_ours_are_not_replaced(run, mixed, tmp_path):
    write_image(tmp_path / "out" / "labels" / "a.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(UserError, match="holds a labels that is not from here"):
        run(mixed)
    assert read_label(tmp_path / "out" / "labels" / "a.png").shape == (2, 2)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--data_dir", "elsewhere"), "is not in --data_dir"),
        (("--background", "sky"), "unknown class 'sky'"),
        (("--point_width", "0"), "--point_width 0: expected int from 1"),
        (("--mask_table", "none.txt"), "class table none.txt: cannot be read"),
    ],
)
def test_wrong_flags_are_refused(run, mixed, flags, message):
    with pytest.raises(UserError, match=message):
        run(mixed, flags=flags)


@pytest.mark.slow
def test_two_processes_give_what_one_gives(run, mixed, tmp_path):
    labels = {path.name: path.read_bytes() for path in (run(mixed) / "labels").iterdir()}
    annotations(
        f"--annotations {mixed} --image_dir {tmp_path}/images --classes {tmp_path}/classes.txt "
        f"--save_dir {tmp_path}/two --workers 2".split()
    )
    assert {path.name: path.read_bytes() for path in (tmp_path / "two" / "labels").iterdir()} == labels


def test_the_script_says_what_is_wrong_in_one_line(tmp_path, photographs):
    (tmp_path / "classes.txt").write_text("cow\ngrass\n")
    flags = ["--image_dir", photographs(a=(4, 4)), "--classes", tmp_path / "classes.txt", "--save_dir", tmp_path / "o"]
    command = [sys.executable, SCRIPT, "--annotations", tmp_path / "none.json", *flags]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"error: --annotations {tmp_path / 'none.json'}: no such file or folder\n"


def test_true_masks_drawn_as_polygons_may_leave_the_background_out(run, mixed, tmp_path):
    assert (read_label(run(mixed) / "labels" / "a.png") == 254).sum() == 2000
    out = run(mixed, flags=["--rest_is_background"])
    assert sorted(np.unique(read_label(out / "labels" / "a.png"))) == [0, 1, 2]
    labelme(tmp_path / "said" / "a.json", ("background", "point", [[5, 5]]), ("cow", "point", [[20, 20]]))
    label = read_label(run(tmp_path / "said", flags=["--rest_is_background"]) / "labels" / "a.png")
    assert (label == 254).any()  # a shape says what is background
    (tmp_path / "classes.txt").write_text("cow\ngrass\n")
    with pytest.raises(UserError, match="--rest_is_background: .*classes.txt has no background"):
        run(mixed, flags=["--rest_is_background"])


def test_what_a_mask_leaves_unlabelled_stays_so_where_the_rest_is_background(run, tmp_path):
    mask = np.full((40, 60), 254, np.uint8)
    mask[:10] = 1
    write_image(tmp_path / "masks" / "b.png", mask)
    assert np.array_equal(read_label(run(tmp_path / "masks", flags=["--rest_is_background"]) / "labels/b.png"), mask)


def test_a_shape_that_labels_no_pixel_is_no_tag_and_trains_nothing(run, mixed, caplog):
    labelme(mixed / "c.json", ("cow", "polygon", [[5, 5], [5, 5], [5, 5]]), image="c.png")
    out = run(mixed)
    assert "shapes that label no pixel, left out: 1: 'cow'" in caplog.text
    assert read_tags(out / "tags.txt", 3)["c"] == () and "images/c.png" not in (out / "train.txt").read_text()


def test_a_photograph_that_is_cut_off_is_named_before_anything_is_written(run, mixed, photographs, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    write_image(tmp_path / "images" / "d.jpg", noise)
    (tmp_path / "images" / "d.jpg").write_bytes((tmp_path / "images" / "d.jpg").read_bytes()[:1500])
    with pytest.raises(UserError, match="d.jpg: .*truncated"):
        run(mixed)
    assert not (tmp_path / "out").exists()


def test_masks_of_0_and_255_alone_are_refused_until_a_table_names_them(run, tmp_path):
    (tmp_path / "binary").mkdir()
    write_image(
        tmp_path / "binary" / "a.png", np.where(np.arange(60) < 30, 0, 255).astype(np.uint8)[None].repeat(40, 0)
    )
    with pytest.raises(UserError, match="masks hold 0 and 255 alone.*labelmap.txt.*'255 NAME'"):
        run(tmp_path / "binary")
    (tmp_path / "binary" / "labelmap.txt").write_text("0 background\n255 cow\n")
    label = read_label(run(tmp_path / "binary") / "labels" / "a.png")
    assert label[0].tolist() == [0] * 30 + [1] * 30
    (tmp_path / "binary" / "labelmap.txt").write_text("0 background\n255 void\n")
    assert (read_label(run(tmp_path / "binary") / "labels" / "a.png") == 255).any()  # the user says so
    (tmp_path / "binary" / "labelmap.txt").unlink()
    (tmp_path / "classes.txt").write_text("cow\ngrass\n")  # without a background, 0 is a class
    assert (read_label(run(tmp_path / "binary") / "labels" / "a.png") == 0).any()


@pytest.mark.parametrize("name", ["\udcff.json", "x.json"], ids=["odd", "plain"])
def test_names_that_are_not_in_utf8_are_shown_and_stop_nothing(run, tmp_path, caplog, name):
    caplog.set_level(logging.CRITICAL, "spml")  # the tests' own reports could not hold them
    labelme(tmp_path / "odd" / name, ("cow", "point", [[10, 10]]), ("pig", "point", [[1, 1]]))
    labelme(tmp_path / "odd" / "b.json", ("cow", "point", [[1, 1]]), image="\udcff/b.png")
    labelme(tmp_path / "odd" / "c.json", ("cow", "point", [[1, 1]]), image="x/b.png")
    (tmp_path / "odd" / "\udcfe.md").write_text("a note")
    page = (run(tmp_path / "odd") / "check.html").read_text()
    assert r"\udcfe.md" in page and "pig" in page
    assert (r"\udcff.json" in page) == (name != "x.json")


def test_remarks_are_told_apart_by_what_they_say_and_counted(run, tmp_path, log):
    wrong = [("cows", "point", [[1, 1]])] * 4 + [("gras", "point", [[2, 2]])]
    labelme(tmp_path / "odd" / "a.json", ("cow", "point", [[10, 10]]), *wrong)
    run(tmp_path / "odd")
    (line,) = [text for _, text in log if text.startswith("unknown classes")]
    assert line.startswith("unknown classes, left out: 5: 4 × 'cows', did you mean 'cow'? (")
    assert "; 'gras', did you mean 'grass'? (" in line


def test_a_mask_beside_a_file_of_its_name_is_read_and_its_picture_is_not(run, tmp_path):
    labelme(tmp_path / "both" / "a.json", ("cow", "point", [[50, 30]]))
    write_image(tmp_path / "both" / "a.png", np.full((40, 60), 2, np.uint8))
    labelme(tmp_path / "both" / "b.json", ("cow", "point", [[50, 30]]), image="b.png")
    noise = np.random.default_rng(0).integers(0, 255, (40, 60)).astype(np.uint8)
    write_image(tmp_path / "both" / "b.png", noise)
    out = run(tmp_path / "both")
    assert (read_label(out / "labels" / "a.png") == 2).sum() > 2000
    assert set(np.unique(read_label(out / "labels" / "b.png"))) == {1, 254}


def test_jpeg_alone_is_no_mask(run, tmp_path):
    (tmp_path / "truth").mkdir()
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "truth" / "other.jpg")
    with pytest.raises(UserError, match="no annotations, but other.jpg .masks are no JPEG, which changes"):
        run(tmp_path / "truth")
