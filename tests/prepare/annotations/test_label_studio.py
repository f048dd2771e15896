import pytest

from spml.errors import UserError
from spml.prepare.annotations import label_studio
from spml.prepare.annotations.model import Mask, Point, Polygon, Rectangle, Tag
from spml.prepare.annotations.values import Json

# RGBA of 2×2 pixels, the second one painted: 16 words of 8 bits, counters of 1, 1, 1 and 4 bits.
HEAD = f"{16:032b}" + f"{7:05b}" + f"{0:04b}" * 3 + f"{3:04b}"
BODY = "1" + "11" + f"{6:04b}" + f"{0:08b}" + "0" + "00" + "0" + f"{255:08b}" + "1" + "11" + f"{7:04b}" + f"{0:08b}"


def packed(bits):
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


def task(*results, image="/data/upload/1/1a2b3c4d-a.jpg", **more):
    return [{"id": 1, "data": {"image": image}, "annotations": [{"result": [*results]} | more]}]


def result(kind, value, size=(40, 60), **more):
    return {"type": kind, "value": value, "original_height": size[0], "original_width": size[1]} | more


def test_percent_become_pixels(read_content):
    results = [
        result("keypointlabels", {"x": 50, "y": 25, "width": 1, "keypointlabels": ["cow"]}),
        result("rectanglelabels", {"x": 10, "y": 10, "width": 50, "height": 50, "rectanglelabels": ["cow"]}),
        result("polygonlabels", {"points": [[0, 0], [50, 0], [50, 100]], "polygonlabels": ["cow"]}),
        result("ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 10, "ellipselabels": ["cow"]}),
        result("choices", {"choices": ["cow", "grass"]}),
    ]
    (found,) = read_content("a.json", task(*results))
    point, box, polygon, ellipse, *tags = found.shapes
    assert isinstance(point, Point) and (point.x, point.y) == (30, 10)
    assert isinstance(box, Rectangle) and (box.left, box.top, box.right, box.bottom) == (6, 4, 36, 24)
    assert isinstance(polygon, Polygon) and polygon.rings[0].tolist() == [[0, 0], [30, 0], [30, 40]]
    assert ellipse.rings[0].max(0).tolist() == pytest.approx([36, 24], abs=0.1)
    assert [each.name for each in tags] == ["cow", "grass"] and all(isinstance(each, Tag) for each in tags)


def test_results_that_state_another_size_lie_where_their_percent_say(read_content):
    value = {"x": 50, "y": 50, "width": 25, "height": 25, "rectanglelabels": ["cow"]}
    results = [result("rectanglelabels", value, size) for size in ((40, 60), (400, 600))]
    (found,) = read_content("a.json", task(*results))
    assert found.size == (40, 60)
    assert [(box.left, box.top, box.right, box.bottom) for box in found.shapes] == [(30, 20, 45, 30)] * 2


def test_a_brush_paints_the_pixels_of_its_alpha(read_content):
    brush = result("brushlabels", {"format": "rle", "rle": packed(HEAD + BODY), "brushlabels": ["cow"]}, (2, 2))
    (mask,) = read_content("a.json", task(brush))[0].shapes
    assert isinstance(mask, Mask) and (mask.left, mask.top, mask.size) == (1, 0, (1, 1))


def test_labels_may_stand_in_a_result_of_the_same_id(read_content):
    geometry = result("rectangle", {"x": 0, "y": 0, "width": 50, "height": 50}, id="r")
    (found,) = read_content("a.json", task(geometry, result("labels", {"labels": ["cow"]}, id="r")))
    assert [(type(each), each.name) for each in found.shapes] == [(Rectangle, "cow")] and not found.left_out


@pytest.mark.parametrize(
    "address", ["https://host/a.png?X-Amz-Date=1", "/data/local-files/?d=sub/a.png", "s3://b/a.png"]
)
def test_the_image_is_found_among_the_texts_of_a_task(read_content, address):
    content = task(result("choices", {"choices": ["cow"]}))
    content[0]["data"] = {"caption": "a cow", "photo": address}
    assert read_content("a.json", content)[0].name == address


def test_relations_and_texts_are_left_out(read_content):
    results = [{"type": "relation", "from_id": "r"}, {"type": "textarea", "id": "r", "value": {"text": ["x"]}}]
    (found,) = read_content("a.json", task(*results))
    assert [reason for reason, _ in found.left_out] == [
        "result of type 'relation' not read",
        "result of type 'textarea' not read",
    ]


def test_the_last_annotation_counts_and_cancelled_ones_do_not(read_content):
    annotations = [
        {"result": [result("choices", {"choices": [name]})], "was_cancelled": name == "sky"}
        for name in ("cow", "grass", "sky")
    ]
    (found,) = read_content("a.json", [{"data": {"image": "a.jpg"}, "annotations": annotations}])
    assert [each.name for each in found.shapes] == ["grass"] and len(found.left_out) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"data": {}, "annotations": []}], r"\[0\], data: names no image"),
        ([{"data": 2.5, "annotations": []}], r"\[0\], data: expected an object"),
        ([{"data": {"image": "a.jpg"}}], r"\[0\]: has no 'annotations'"),
        (task(result("keypointlabels", {"x": "1", "y": 2, "keypointlabels": ["cow"]})), r"result\[0\], value, x"),
        (task(result("polygonlabels", {"points": [[1, 1]], "polygonlabels": ["cow"]})), "points: expected 3"),
        (task(result("keypointlabels", {"keypointlabels": ["cow"]}, (-1, 5))), "original_height: expected a whole"),
        (task({"type": "keypointlabels", "value": {"keypointlabels": ["cow"]}}), "has no 'original_height'"),
        (task(result("brushlabels", {"rle": packed(HEAD), "brushlabels": ["cow"]}, (2, 2))), "rle: broken run-length"),
        (task(result("brushlabels", {"rle": [1, 2], "brushlabels": ["cow"]}, (2, 2))), "rle: broken run-length"),
        (task(result("brushlabels", {"rle": [1, 999], "brushlabels": ["cow"]}, (2, 2))), "rle: expected a run-length"),
        (task(result("brushlabels", {"rle": packed(HEAD + BODY), "brushlabels": ["cow"]})), "does not fill 40×60"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=f"a.json.*{message}"):
        read_content("a.json", content)


@pytest.mark.parametrize("key", ["to_name", "item_index"])
def test_tasks_of_several_images_and_the_small_export_are_refused(read_content, key):
    point = {"x": 50, "y": 25, "keypointlabels": ["cow"]}
    results = [result("keypointlabels", point, **{key: value}) for value in (0, 1)]
    with pytest.raises(UserError, match=rf"a.json.*result\[1\], {key}: another image of the task"):
        read_content("a.json", task(*results))
    note = {"type": "textarea", "value": {"text": ["x"]}, key: 2}
    assert len(read_content("a.json", task(results[0], note))[0].shapes) == 1
    with pytest.raises(UserError, match="a.json: is Label Studio's JSON-MIN.*export as JSON"):
        read_content("a.json", [{"image": "/data/upload/a.jpg", "annotation_id": 1, "annotator": 1, "label": []}])


def test_coco_with_an_annotator_is_no_small_export(read_content):
    content = {"annotator": "me", "images": [{"id": 1, "file_name": "a.jpg"}], "categories": [], "annotations": []}
    (found,) = read_content("a.json", content)
    assert found.name == "a.jpg" and not found.shapes


def test_a_result_that_bears_its_label_looks_at_no_other():
    entry = Json({"id": "x", "value": {"rectanglelabels": ["cow"]}}, "place")
    others = [Json(None, "another, at which nobody looks")]
    assert label_studio._labels(entry, "rectangle", others) == ["cow"]
