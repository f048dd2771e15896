import pytest

from spml.errors import UserError
from spml.prepare.annotations.model import Mask, Point, Polygon, Rectangle, Stroke, Tag

IMAGE = '<image id="0" name="sub/a.jpg" width="60" height="40">{}</image>'


def cvat(content):
    return f"<annotations>{IMAGE.format(content)}</annotations>"


def test_every_kind_of_shape_becomes_one_of_the_model(read_content):
    content = (
        '<points label="cow" points="1.5,2;3,4"/><polyline label="cow" points="1,2;3,4"/>'
        '<polygon label="cow" points="1,2;3,4;5,9"/><box label="cow" xtl="1" ytl="2" xbr="5" ybr="6"/>'
        '<ellipse label="cow" cx="9" cy="9" rx="3" ry="2"/><tag label="cow"/>'
        '<mask label="cow" rle="1, 2, 3" left="4" top="5" width="3" height="2"/>'
    )
    (found,) = read_content("a.xml", cvat(content))
    kinds = [Point, Point, Stroke, Polygon, Rectangle, Polygon, Tag, Mask]
    assert [type(each) for each in found.shapes] == kinds
    assert (found.shapes[0].x, found.shapes[0].y) == (1.5, 2)
    mask = found.shapes[-1]
    assert (mask.left, mask.top, mask.size) == (5, 5, (1, 2)) and mask.pixels().all()


def test_shapes_come_in_the_order_of_their_z_order(read_content):
    content = '<points label="cow" points="1,1" z_order="2"/><points label="grass" points="1,1" z_order="1"/>'
    assert [each.name for each in read_content("a.xml", cvat(content))[0].shapes] == ["grass", "cow"]


def test_a_turned_box_gives_the_upright_box_around_it(read_content):
    content = '<box label="cow" xtl="10" ytl="10" xbr="20" ybr="14" rotation="90"/>'
    (box,) = read_content("a.xml", cvat(content))[0].shapes
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((13, 7, 17, 17))


def test_skeletons_and_cuboids_are_left_out_with_their_place(read_content):
    (found,) = read_content("a.xml", cvat('<cuboid label="cow" xtl1="1"/>'))
    assert found.left_out == [("<cuboid>", found.where + ", <cuboid> 1")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<points label="cow" points="1,2;x,4"/>', "<image> 1, <points> 1, points: expected"),
        ('<points points="1,2"/>', "<points> 1: has no attribute 'label'"),
        ('<polygon label="cow" points="1,2;3,4"/>', "<polygon> 1, points: expected 3"),
        ('<box label="cow" xtl="1" ytl="2" xbr="nan" ybr="6"/>', "<box> 1, xbr: expected a number"),
        ('<box label="cow" xtl="9" ytl="2" xbr="4" ybr="6"/>', "<box> 1: a box from .9, 2. to .4, 6."),
        ('<ellipse label="cow" cx="5" cy="5" rx="-2" ry="3"/>', "<ellipse> 1: a box from .7, 2. to .3, 8."),
        ('<mask label="cow" rle="1, 2" left="0" top="0" width="3" height="2"/>', "rle: expected runs"),
        ('<mask label="cow" rle="-1, 7" left="0" top="0" width="3" height="2"/>', "rle: expected runs"),
        ('<points label="cow" points="1,2"', "not readable XML"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=f"a.xml.*{message}"):
        read_content("a.xml", cvat(content))


def test_tracks_of_videos_are_refused(read_content):
    with pytest.raises(UserError, match="export it as 'CVAT for images'"):
        read_content("a.xml", "<annotations><track/></annotations>")


def test_entities_are_refused(read_content):
    with pytest.raises(UserError, match="declares a document type"):
        read_content("a.xml", '<!DOCTYPE a [<!ENTITY b "bbbb">]><annotations>&b;</annotations>')
