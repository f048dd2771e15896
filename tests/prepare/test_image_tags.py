import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spml.data.files import write_image
from spml.data.tag_files import read_tags, write_tags
from spml.errors import UserError
from spml.prepare.image_tags import image_tags, tags_from_label

names = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, st.sets(st.integers(1, 20)).map(lambda tags: tuple(sorted(tags))), min_size=1))
def test_tags_survive_a_round_trip(tmp_path, tags):
    write_tags(tmp_path / "tags.txt", tags)
    assert read_tags(tmp_path / "tags.txt", 21) == tags


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a 1\na 2\n", "line 2: a occurs twice"),
        ("a 21\n", "line 1: .*classes from 1 to 20"),
        ("a 0\n", "classes from 1"),
        ("a -1\n", "classes from 1"),
        ("a dog\n", "classes from 1"),
        ("a ²\n", "classes from 1"),
    ],
)
def test_broken_tag_files_are_refused_with_the_line(tmp_path, content, message):
    (tmp_path / "tags.txt").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=f"tags.txt.*{message}"):
        read_tags(tmp_path / "tags.txt", 21)


def test_tags_of_a_label_map_are_its_classes_alone(tmp_path):
    write_image(tmp_path / "a.png", np.array([[0, 3, 3], [20, 254, 255], [21, 1, 0]], np.uint8))
    assert tags_from_label(tmp_path / "a.png", 21) == (1, 3, 20)


def test_tags_from_a_folder_of_label_maps(tmp_path):
    write_image(tmp_path / "in/b.png", np.array([[0, 3]], np.uint8))
    write_image(tmp_path / "in/a.png", np.array([[0, 254]], np.uint8))
    argv = ["--label_dir", str(tmp_path / "in"), "--save_path", str(tmp_path / "tags.txt"), "--workers", "0"]
    image_tags(argv)
    assert (tmp_path / "tags.txt").read_text() == "a\nb 3\n"
    (tmp_path / "tags.txt").write_text("kept")
    image_tags([*argv, "--skip_existing"])
    assert (tmp_path / "tags.txt").read_text() == "kept"


def test_tags_from_a_folder_of_boxes(tmp_path):
    item = "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
    objects = "".join(map(item.format, ["person", "dog", "person"]))
    (tmp_path / "a.xml").write_text(
        f"<annotation><size><width>4</width><height>4</height></size>{objects}</annotation>"
    )
    image_tags(["--xml_dir", str(tmp_path), "--save_path", str(tmp_path / "tags.txt"), "--workers", "0"])
    assert (tmp_path / "tags.txt").read_text() == "a 12 15\n"


def test_without_a_background_class_0_is_a_tag(tmp_path, log):
    (tmp_path / "names.txt").write_text("person\ndog\n")
    write_image(tmp_path / "in/a.png", np.array([[0, 1, 254]], np.uint8))
    argv = ["--save_path", str(tmp_path / "tags.txt"), "--class_names", str(tmp_path / "names.txt"), "--workers", "0"]
    image_tags([*argv, "--label_dir", str(tmp_path / "in")])
    assert (tmp_path / "tags.txt").read_text() == "a 0 1\n"
    assert ("INFO", "person, class 0, is not called background: every class counts as a tag") in log
    image_tags([*argv, "--label_dir", str(tmp_path / "in"), "--background", "0"])
    assert (tmp_path / "tags.txt").read_text() == "a 1\n"
    item = (
        "<object><name>person</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
    )
    (tmp_path / "a.xml").write_text(f"<annotation><size><width>4</width><height>4</height></size>{item}</annotation>")
    image_tags([*argv, "--xml_dir", str(tmp_path)])
    assert (tmp_path / "tags.txt").read_text() == "a 0\n"
