import pytest

from spml.errors import UserError
from spml.prepare.annotations.model import Mask, Point, Polygon, Rectangle, Stroke, Tag


def datumaro(*annotations, **item):
    head = {"dm_format_version": "1.0", "categories": {"label": {"labels": [{"name": "cow"}, {"name": "grass"}]}}}
    image = {"path": "x/a.jpg", "size": [4, 6]}
    return head | {"items": [{"id": "sub/a", "annotations": [*annotations], "image": image} | item]}


def entry(kind, **more):
    return {"type": kind, "label_id": 1} | more


def test_every_kind_of_shape_becomes_one_of_the_model(read_content):
    entries = [
        entry("points", points=[1.0, 2.0, 3.0, 3.0]),
        entry("polyline", points=[1, 2, 3, 3]),
        entry("polygon", points=[1, 2, 3, 3, 5, 0]),
        entry("bbox", bbox=[1, 1, 3, 2]),
        entry("ellipse", points=[1, 1, 3, 3]),
        entry("mask", rle={"size": [4, 6], "counts": [4, 2, 18]}),
        entry("label"),
    ]
    (found,) = read_content("a.json", datumaro(*entries))
    kinds = [Point, Point, Stroke, Polygon, Rectangle, Polygon, Mask, Tag]
    assert [type(each) for each in found.shapes] == kinds
    assert {each.name for each in found.shapes} == {"grass"} and found.size == (4, 6)
    assert found.shapes[5].rings[0].mean(0).tolist() == pytest.approx([2, 2])


def test_shapes_come_in_the_order_of_their_z_order(read_content):
    entries = [entry("label", z_order=2), entry("label", z_order=1, label_id=0)]
    assert [each.name for each in read_content("a.json", datumaro(*entries))[0].shapes] == ["cow", "grass"]


def test_what_has_no_label_or_an_unknown_type_is_left_out(read_content):
    (found,) = read_content("a.json", datumaro(entry("caption"), entry("bbox", label_id=None)))
    assert not found.shapes and len(found.left_out) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"dm_format_version": "1.0"}, "has no 'categories'"),
        (datumaro(entry("bbox", bbox=[1])), r"items\[0\], annotations\[0\], bbox: expected"),
        (datumaro(entry("points", points=[1, 2, 3])), r"annotations\[0\], points: expected a list x, y"),
        (datumaro(entry("label", label_id=2)), "label_id: expected a number from 0 to 1"),
        (datumaro(entry("ellipse", points=[1, 2])), "points: expected 2"),
        (datumaro(image={"size": [4]}), r"size: expected \[height, width\]"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=f"a.json.*{message}"):
        read_content("a.json", content)
