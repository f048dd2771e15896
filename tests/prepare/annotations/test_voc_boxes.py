import pytest

from spml.data.boxes import Box
from spml.data.voc_xml import read_boxes
from spml.errors import UserError
from spml.prepare.annotations.model import Rectangle
from spml.prepare.annotations.voc_boxes import box_xml

SIZE = "<size><width>60</width><height>40</height></size>"


def voc(*corners, name="cow", size=SIZE):
    sides = "".join(
        f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    item = f"<object><name>{name}</name><bndbox>{sides}</bndbox></object>"
    return f"<annotation><filename>a.jpg</filename>{size}{item}</annotation>"


@pytest.mark.parametrize(
    ("corners", "sides"), [((3, 4, 9, 8), (2, 3, 9, 8)), (("3.0", "4.0", "9.0", "8.0"), (3, 4, 9, 8))]
)
def test_whole_numbers_count_pixels_from_one_and_fractions_mean_edges(read_content, corners, sides):
    (found,) = read_content("a.xml", voc(*corners))
    (box,) = found.shapes
    assert (box.left, box.top, box.right, box.bottom) == sides and found.size == (40, 60)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (voc(9, 4, 3, 8), "<object> 1: a box from"),
        (voc(1, 1, "x", 2), "<object> 1, <bndbox>, <xmax>: expected a number"),
        (voc(1, 1, 2, 2, size="<size><width>-1</width><height>4</height></size>"), "<width>: expected a whole number"),
        ("<annotation><object><name>cow</name></object></annotation>", "<object> 1: has no <bndbox>"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=f"a.xml.*{message}"):
        read_content("a.xml", content)


def test_written_boxes_are_what_box_seeds_read(tmp_path):
    boxes = [(Rectangle("", "", 0.4, 2.6, 30, 99), "cow"), (Rectangle("", "", 59.9, 0, 60, 0.2), "grass & <b>")]
    (tmp_path / "a.xml").write_text(box_xml("a.jpg", (40, 60), boxes))
    names = ("background", "cow", "grass & <b>")
    expected = [Box(1, 0, 3, 30, 40), Box(2, 59, 0, 60, 1)]
    assert read_boxes(tmp_path / "a.xml", names) == ((40, 60), expected)


@pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
def test_sizes_of_0_and_none_are_unknown(read_content, size):
    (found,) = read_content("a.xml", voc(3, 4, 9, 8, size=size))
    assert found.size is None and len(found.shapes) == 1


def test_a_turned_box_gives_the_upright_box_around_it(read_content):
    turn = "<attributes><attribute><name>rotation</name><value>90.0</value></attribute></attributes></object>"
    (box,) = read_content("a.xml", voc("0.0", "1.0", "4.0", "3.0").replace("</object>", turn))[0].shapes
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((1, 0, 3, 4))
