import pytest

from spml.errors import UserError
from spml.prepare.annotations.model import Mask, Polygon, Rectangle


def coco(*annotations, size=(4, 6)):
    image = {"id": 7, "file_name": "train/a.jpg", "height": size[0], "width": size[1]}
    return {"images": [image], "categories": [{"id": 3, "name": "cow"}], "annotations": [*annotations]}


def annotation(**more):
    return {"id": 1, "image_id": 7, "category_id": 3} | more


def test_polygons_codes_and_boxes_become_shapes(read_content):
    parts = [[0, 0, 5, 0, 5, 3], [1, 1, 2, 1, 2, 2]]
    found = [
        annotation(segmentation=parts, bbox=[0, 0, 5, 3]),
        annotation(segmentation=[], bbox=[1, 1, 4, 2]),
        annotation(segmentation={"size": [4, 6], "counts": [4, 2, 18]}, iscrowd=1),
    ]
    (image,) = read_content("a.json", coco(*found))
    assert [type(each) for each in image.shapes] == [Polygon, Polygon, Rectangle, Mask]
    assert {each.name for each in image.shapes} == {"cow"} and image.size == (4, 6)
    box, mask = image.shapes[2:]
    assert (box.left, box.top, box.right, box.bottom) == (1, 1, 5, 3)
    assert (mask.left, mask.top, mask.size) == (1, 0, (2, 1))


def test_annotations_without_area_or_box_are_left_out(read_content):
    (image,) = read_content("a.json", coco(annotation(keypoints=[1, 1, 2])))
    assert not image.shapes and image.left_out[0][1].endswith("annotations[0]")


def two_of_one_id():
    content = coco(annotation(bbox=[1, 1, 4, 2]))
    content["categories"].append({"id": 3, "name": "dog"})
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (two_of_one_id(), r"categories\[1\]: another category has the id 3"),
        ({"images": [], "annotations": []}, "has no 'categories'"),
        (coco(annotation(image_id=8)), r"annotations\[0\], image_id: expected the id of an image"),
        (coco(annotation(image_id=[8])), r"annotations\[0\], image_id: expected the id of an image"),
        (coco(annotation(category_id=8)), r"annotations\[0\], category_id: expected the id of a category"),
        (coco(annotation(bbox=[1, 2, 3])), "bbox: expected"),
        (coco(annotation(bbox=[1, 2, -3, 4])), "bbox: a box from"),
        (coco(annotation(segmentation=[[1, 2, 3]])), r"segmentation\[0\]: expected a list x, y"),
        (coco(annotation(segmentation={"size": [4, 6], "counts": [4, 2]})), "segmentation: broken run-length"),
        (coco(annotation(segmentation={"size": [4, 5], "counts": [20]})), "expected a run-length code of size"),
        (coco(annotation(segmentation={"size": [60000, 60000], "counts": []}), size=(60000, 60000)), "at most"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=f"a.json.*{message}"):
        read_content("a.json", content)


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        (annotation(segmentation=[[0, 0, 5, 3]], bbox=[0, 0, 5, 3]), [Rectangle]),
        (annotation(segmentation=[[0, 0, 5, 3], [0, 0, 5, 0, 5, 3]], bbox=[0, 0, 5, 3]), [Polygon]),
        (annotation(segmentation=[0, 0, 5, 0, 5, 3]), [Polygon]),
        (annotation(segmentation=[[0, 0, 5, 0, 5, 3, 0, 3]], bbox=[0, 0, 5, 3], isbbox=True), [Rectangle]),
        (annotation(segmentation=[[0, 0, 5, 3]]), []),
    ],
)
def test_parts_without_an_area_a_bare_part_and_boxes_drawn_as_areas_are_read_as_tools_mean_them(
    read_content, found, kinds
):
    (image,) = read_content("a.json", coco(found))
    assert [type(each) for each in image.shapes] == kinds and len(image.left_out) == (not kinds)


def test_a_turned_box_gives_the_upright_box_around_it(read_content):
    found = annotation(bbox=[0, 1, 4, 2], attributes={"rotation": 90.0, "occluded": False})
    (box,) = read_content("a.json", coco(found))[0].shapes
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((1, 0, 3, 4))


def test_sizes_of_0_are_unknown_and_roboflow_says_what_the_image_was_called(read_content):
    content = coco(annotation(bbox=[1, 1, 4, 2]), size=(0, 0))
    content["images"][0] |= {"file_name": "x_jpg.rf.0123456789abcdef.jpg", "extra": {"name": "a.jpg"}}
    (image,) = read_content("a.json", content)
    assert image.size is None and image.other_names == ("a.jpg",)


def test_ids_may_be_texts_on_one_side_and_whole_numbers_with_a_point(read_content):
    content = {
        "images": [{"id": 0, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cow"}],
        "annotations": [{"image_id": "0", "category_id": 1.0, "segmentation": [1, 2, 30, 2, 30, 20]}],
    }
    assert [shape.name for shape in read_content("c.json", content)[0].shapes] == ["cow"]
