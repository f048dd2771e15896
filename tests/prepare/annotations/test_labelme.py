import base64
import io

import numpy as np
import pytest
from PIL import Image

from spml.errors import UserError
from spml.prepare.annotations.model import Mask, Point, Polygon, Rectangle, Stroke, Tag


def labelme(*shapes, **head):
    return {"version": "5.5.0", "imagePath": "a.png", "imageHeight": 40, "imageWidth": 60, "shapes": [*shapes]} | head


def shape(kind, *points, label="cow", **more):
    return {"label": label, "shape_type": kind, "points": [list(point) for point in points]} | more


def test_every_kind_of_shape_becomes_one_of_the_model(read_content):
    shapes = [
        shape("point", (3, 4)),
        shape("line", (0, 0), (5, 5)),
        shape("linestrip", (0, 0), (5, 5), (9, 5)),
        shape("rectangle", (9, 8), (2, 3)),
        shape("polygon", (0, 0), (5, 0), (5, 5)),
        shape("circle", (20, 20), (20, 25)),
    ]
    (found,) = read_content("a.json", labelme(*shapes))
    assert [type(each) for each in found.shapes] == [Point, Stroke, Stroke, Rectangle, Polygon, Polygon]
    assert (found.shapes[0].x, found.shapes[0].y) == (3, 4)
    assert (found.shapes[3].left, found.shapes[3].top, found.shapes[3].right, found.shapes[3].bottom) == (2, 3, 9, 8)
    assert np.allclose(np.hypot(*(found.shapes[5].rings[0] - 20).T), 5)
    assert found.size == (40, 60)


def test_image_flags_that_are_set_are_tags(read_content):
    (found,) = read_content("a.json", labelme(flags={"cow": True, "grass": False}))
    assert [each.name for each in found.shapes] == ["cow"] and isinstance(found.shapes[0], Tag)


def test_a_mask_lies_between_its_corners_both_included(read_content):
    content = io.BytesIO()
    Image.fromarray(np.array([[0, 1], [1, 1], [0, 1]], bool)).save(content, "PNG")
    coded = base64.b64encode(content.getvalue()).decode()
    (found,) = read_content("a.json", labelme(shape("mask", (7, 5), (8, 7), mask=coded)))
    (mask,) = found.shapes
    assert isinstance(mask, Mask) and (mask.left, mask.top) == (7, 5)
    assert mask.pixels().tolist() == [[False, True], [True, True], [False, True]]


def test_shapes_of_old_versions_without_a_type_are_polygons(read_content):
    old = {"label": "cow", "points": [[0, 0], [5, 0], [5, 5]]}
    assert isinstance(read_content("a.json", labelme(old))[0].shapes[0], Polygon)


def test_unknown_kinds_are_left_out_with_their_place(read_content):
    (found,) = read_content("a.json", labelme(shape("cuboid", (1, 1))))
    assert found.left_out[0][0] == "shape of type 'cuboid'" and found.left_out[0][1].endswith("a.json, shapes[0]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"imagePath": "a.png"}, "a.json: has no 'shapes'"),
        (labelme(shape("point")), r"shapes\[0\], points: expected 1 to"),
        (labelme(shape("point", (1,))), r"shapes\[0\], points"),
        (labelme(shape("point", (1, float("nan")))), r"shapes\[0\], points: expected coordinates"),
        (labelme(shape("point", (1, 1e300))), r"shapes\[0\], points: expected coordinates"),
        (labelme(shape("circle", (1, 1))), r"shapes\[0\], points: expected 2"),
        (labelme({"points": [[1, 1]]}), r"shapes\[0\]: has no 'label'"),
        (labelme(shape("mask", (1, 1), (2, 2), mask="????")), r"shapes\[0\], mask: expected a PNG"),
        (labelme(imageHeight=-1), "imageHeight: expected a whole number"),
        (labelme(flags=[1]), "flags: expected an object"),
        (labelme(flags=2.5), "flags: expected an object, not 2.5"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=message):
        read_content("a.json", content)


def test_corners_of_a_mask_are_cut_to_whole_pixels_as_labelme_does(read_content):
    image = io.BytesIO()
    Image.new("1", (14, 12), 1).save(image, "PNG")
    entry = {"label": "cow", "shape_type": "mask", "points": [[5.5, 6.5], [18.5, 17.5]]}
    entry["mask"] = base64.b64encode(image.getvalue()).decode()
    (mask,) = read_content("a.json", labelme(entry))[0].shapes
    assert (mask.left, mask.top, mask.size) == (5, 6, (12, 14))
