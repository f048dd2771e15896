"""The page that ends a recipe: pictures, scores of the classes, curves; what is absent is said."""

import base64
import io
import math
import re

import numpy as np
import pytest
from PIL import Image

from spml.commands.html_report import html_report, shrunk_label
from spml.commands.line_chart import line_chart
from spml.commands.score_files import write_scores
from spml.data.files import write_image
from spml.errors import UserError
from spml.evaluation.confusion import ClassScores


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b b", "c"):
        write_image(tmp_path / f"images/{name}.png", np.full((60, 80, 3), 90, np.uint8))
    write_image(tmp_path / "label.png", np.full((60, 80), 2, np.uint8))
    write_image(tmp_path / "masks/a.png", np.full((60, 80), 1, np.uint8))
    (tmp_path / "train.txt").write_text("images/a.png label.png label.png\n")
    (tmp_path / "val.txt").write_text("images/c.png\n")
    (tmp_path / "classes.txt").write_text("sky & sea\ngrass\n<b>\n")
    return tmp_path


def page_of(folder, *flags):
    lists = [str(folder / "train.txt"), str(folder / "val.txt")]
    where = ["--data_dir", str(folder), "--data_list", *lists, "--save", str(folder / "out/report.html")]
    html_report([*where, *flags])
    return (folder / "out/report.html").read_text()


def test_the_page_shows_images_labels_and_masks_that_are_there(folder):
    names = ["--class_names", str(folder / "classes.txt")]
    page = page_of(folder, "--columns", f"pseudo label={folder}/masks", f"mask={folder}/none", *names)
    assert re.findall("alt='(.*?)'", page) == ["image", "label", "pseudo label", "image"]
    assert "train: 1 of 1" in page and "val: 1 of 1" in page
    assert "grass" in page and "&lt;b&gt;" in page and "sky" not in page  # classes that are seen
    assert f"Not there: {folder}/none" in page and f"{folder}/masks" not in page
    assert not re.findall("(?:src|href)='(?!data:)", page)
    content = re.findall("base64,(.*?)'", page)[1]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(content))))
    expected = 0.4 * 90 + 0.6 * np.array([0, 128, 0])  # class 2 of VOC's colours
    assert pixels.shape == (60, 80, 3) and abs(pixels.reshape(-1, 3).mean(0) - expected).max() < 3


def test_the_page_shows_the_classes_scores_and_what_is_absent(folder):
    scores = ClassScores(57.5, [40.0, 75.25, 0.0], 0.75, 3, left_out=[2])
    write_scores(folder / "end.json", scores, ["sky & sea", "grass", "<b>"])
    page = page_of(folder, "--scores", f"the end={folder}/end.json", f"more={folder}/more.json")
    rows = [re.findall("<t[dh]>(.*?)</t[dh]>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
    assert rows == [["class", "the end"], ["sky &amp; sea", "40.00"], ["grass", "75.25"], ["mean", "57.50"]]
    assert f"Not there: {folder}/more.json" in page


def test_the_page_draws_the_curves_of_trainings(folder):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "embedding/tensorboard")) as writer:
        for step in range(5):
            writer.add_scalar("loss/total", 3.0 - step / 2, 10 * step)
            writer.add_scalar("peak_memory_mib", 100, 10 * step)
    folders = [f"embedding={folder}/embedding", f"classifier={folder}/classifier"]
    page = page_of(folder, "--tensorboard", *folders)
    assert "loss/total: 1<" in page and "peak_memory" not in page
    assert page.count("<polyline") == 1 and f"Not there: {folder}/classifier" in page


def test_a_folder_without_readable_events_has_no_curve(folder):
    (folder / "broken").mkdir()
    (folder / "broken/events.out.tfevents.1.x").write_bytes(bytes(range(256)) * 4)
    assert "No curve." in page_of(folder, "--tensorboard", f"broken={folder}/broken")


def test_a_chart_spans_its_values_and_leaves_out_what_is_not_finite():
    chart = line_chart("a<b", [(0, 1.0), (5, math.nan), (10, 3.0)])
    assert re.findall("points='(.*?)'", chart) == ["24.0,126.0 256.0,24.0"]
    assert "a&lt;b: 3<" in chart and ">1<" in chart and ">10<" in chart
    assert "no finite value" in line_chart("x", [(0, math.inf)]) and "<polyline" in line_chart("x", [(7, 2.0)])
    many = line_chart("x", [(step, float(step)) for step in range(10_000)])
    assert len(re.findall("points='(.*?)'", many)[0].split()) <= 300 and "x: 9999<" in many


def test_dots_are_seen_in_small_pictures():
    label = np.full((90, 120), 254, np.uint8)
    label[7, 11] = 3
    small = shrunk_label(label, (9, 12))
    assert small[0, 1] == 3 and (small != 254).sum() == 1
    assert shrunk_label(np.ones((4, 4), np.uint8), (8, 8)).shape == (8, 8)


@pytest.mark.parametrize("flags", [["--columns", "x"], ["--scores", "=x"], ["--tensorboard", "x="]])
def test_what_lacks_a_title_or_path_is_named(folder, flags):
    with pytest.raises(UserError, match=f"{flags[0]} '{flags[1]}': expected TITLE=PATH"):
        page_of(folder, *flags)


def test_a_path_may_hold_the_sign_and_titles_stand_once(folder):
    (folder / "masks").rename(folder / "lr=0.1")
    assert "pseudo label" in page_of(folder, "--columns", f"pseudo label={folder}/lr=0.1")
    with pytest.raises(UserError, match="--columns 'a=y': expected TITLE=PATH, each title once"):
        page_of(folder, "--columns", "a=x", "a=y")
