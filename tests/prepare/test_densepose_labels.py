import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spml.errors import UserError
from spml.prepare.coco import Picture
from spml.prepare.densepose_labels import (
    PART_OF_SURFACE,
    draw_points,
    label_picture,
    only_at_surface_points,
    part_mask,
    sample_points,
)

tools = pytest.importorskip("pycocotools.mask", reason="run-length codes need pycocotools")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (60, 80)


def encode(mask):
    code = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": code["counts"].decode()}


def person(bbox, parts, **extra):
    """An annotation with the given rows of its box (shares of 0..1) for each part."""
    masks = [[] for _ in range(14)]
    for part, (start, end) in parts.items():
        mask = np.zeros((256, 256), bool)
        mask[int(start * 256) : int(end * 256)] = True
        masks[part - 1] = encode(mask)
    return {"id": 1, "category_id": 1, "bbox": bbox, "dp_masks": masks, **extra}


def picture(*annotations):
    return Picture("COCO_train2014_000000000009", 9, SIZE, list(annotations))


def test_surface_ids_and_parts_agree_on_left_and_right():
    surface_mirror = [0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23]
    part_mirror = np.array([0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14])
    assert (PART_OF_SURFACE[surface_mirror] == part_mirror[PART_OF_SURFACE]).all()
    assert set(PART_OF_SURFACE) == set(range(15))


def test_parts_fill_their_rows_of_the_box():
    parts, persons = label_picture(picture(person([10.7, 20.2, 30.9, 24.5], {14: (0, 0.5), 1: (0.5, 1)})))
    expected = np.zeros(SIZE, np.uint8)
    expected[20:32, 10:40], expected[32:44, 10:40] = 14, 1
    assert (parts == expected).all()
    assert (persons == (expected > 0)).all()


@given(st.integers(-40, 70), st.integers(-40, 50), st.integers(1, 120), st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_boxes_across_the_border_are_cut_by_it(x, y, width, height, seed):
    mask = np.random.default_rng(seed).random((256, 256)) < 0.5
    annotation = {**person([x, y, width, height], {}), "dp_masks": [*[[]] * 13, encode(mask)]}
    parts, _ = label_picture(picture(annotation))
    for row, column in np.random.default_rng(seed).integers(0, SIZE, (20, 2)):
        inside = 0 <= row - y < height and 0 <= column - x < width
        expected = inside and mask[(row - y) * 256 // height, (column - x) * 256 // width]
        assert parts[row, column] == 14 * expected


def test_the_smaller_person_lies_in_front_and_ids_follow_the_file():
    large, small = person([0, 0, 60, 50], {1: (0, 1)}), person([10, 10, 10, 10], {14: (0, 1)})
    for order in ((large, small), (small, large)):
        parts, persons = label_picture(picture(*order))
        assert parts[12, 12] == 14 and parts[2, 2] == 1 and parts[55, 75] == 0
        assert persons[12, 12] == 1 + order.index(small) and persons[2, 2] == 1 + order.index(large)


def test_people_without_part_masks_are_void_by_their_outline_or_box():
    known = person([0, 0, 20, 20], {1: (0, 1)})
    outlined = {"id": 2, "bbox": [10, 10, 30, 30], "segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]]}
    boxed = {"id": 3, "bbox": [50, 40, 10, 10], "dp_masks": []}
    other_thing = {"id": 4, "category_id": 2, "bbox": [70, 0, 5, 5]}
    parts, persons = label_picture(picture(known, outlined, boxed, other_thing))
    assert parts[15, 15] == 1 and parts[25, 25] == 255 and parts[35, 35] == 0 and parts[45, 55] == 255
    assert parts[2, 72] == 0 and set(np.unique(persons)) == {0, 1}
    assert set(np.unique(label_picture(picture(known, outlined, boxed), False)[0])) == {0, 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [0, 0, 0, 5]}, "bbox"),
        ({"bbox": [0, 0, 5]}, "bbox"),
        ({"bbox": None}, "bbox"),
        ({"bbox": [0, 0, float("nan"), 5]}, "bbox"),
        ({"bbox": [0, 0, 1e300, 5]}, "bbox"),
        ({"bbox": ["x", 0, 1, 5]}, "bbox"),
        ({"dp_masks": [{"size": [256, 256], "counts": "0"}]}, "1 dp_masks; expected 14"),
        ({"dp_masks": [*[[]] * 13, {"size": [256, 256], "counts": "0"}]}, "broken run-length code"),
        ({"dp_masks": [*[[]] * 13, {"size": [9, 9], "counts": "0"}]}, "of size"),
        ({"dp_masks": [*[[]] * 13, "text"]}, "of size"),
    ],
)
def test_broken_people_are_refused_by_picture_and_annotation(change, message):
    with pytest.raises(UserError, match=f"COCO_train2014_000000000009, annotation 1: .*{message}"):
        label_picture(picture({**person([0, 0, 9, 9], {1: (0, 1)}), **change}))


def test_too_many_people_for_eight_bits_are_refused():
    one = person([0, 0, 9, 9], {1: (0, 1)})
    with pytest.raises(UserError, match="255 annotated people"):
        label_picture(picture(*[one] * 255))


def test_later_part_masks_count_where_they_overlap():
    assert np.unique(part_mask(person([0, 0, 9, 9], {3: (0, 1), 9: (0, 0.5)}), "here")[:128]).tolist() == [9]


@given(
    arrays(np.uint8, (8, 9), elements=st.sampled_from([0, 1, 2, 14, 255])),
    arrays(np.uint8, (8, 9), elements=st.integers(1, 3)),
    st.integers(0, 100),
    st.integers(0, 3),
)
def test_one_point_a_visible_part_and_person(parts, persons, seed, num_background):
    persons = np.where((parts > 0) & (parts < 255), persons, 0).astype(np.uint8)
    points = sample_points(parts, persons, seed, num_background)
    assert all(parts[y, x] == part for y, x, part in points)
    found = sorted((int(persons[y, x]), part) for y, x, part in points if part)
    pairs = zip(persons.ravel().tolist(), parts.ravel().tolist(), strict=True)
    assert found == sorted({pair for pair in pairs if 0 < pair[1] < 255})
    background = {(y, x) for y, x, part in points if part == 0}
    assert len(background) == min(num_background, int((parts == 0).sum()))


def test_the_same_seed_gives_the_same_points_and_another_seed_others():
    parts, persons = label_picture(picture(person([0, 0, 60, 50], {1: (0, 0.5), 14: (0.5, 1)})))
    first = sample_points(parts, persons, [0, 9], 2)
    assert first == sample_points(parts, persons, [0, 9], 2)
    assert first != sample_points(parts, persons, [1, 9], 2) and first != sample_points(parts, persons, [0, 8], 2)


def test_points_are_dots_that_keep_their_own_pixel():
    label = draw_points([(10, 10, 1), (10, 12, 2), (40, 40, 0)], SIZE, 6)
    assert label[10, 10] == 1 and label[10, 12] == 2
    assert (label == 0).sum() == 32 and set(np.unique(label)) == {0, 1, 2, 254}
    assert (draw_points([(5, 5, 3)], SIZE, 1) != 254).sum() == 1


def test_surface_points_count_where_the_masks_agree():
    annotation = person(
        [10, 20, 51, 25.5],
        {14: (0, 0.5), 1: (0.5, 1)},
        dp_x=[0, 50, 255, 100],
        dp_y=[0, 200, 10, 10],
        dp_I=[23, 2, 24, 1],
    )
    parts, persons = label_picture(picture(annotation))
    kept = only_at_surface_points(picture(annotation), parts, persons)
    # The third lies just outside the box, the fourth says torso where the masks say head.
    assert np.argwhere(kept == 14).tolist() == [[20, 10]] and np.argwhere(kept == 1).tolist() == [[40, 20]]
    assert (kept == 0).sum() == (parts == 0).sum()
    assert {part for _, _, part in sample_points(kept, persons, 0, 1)} == {0, 1, 14}


@pytest.mark.parametrize(
    "change",
    [{"dp_x": [1, 2]}, {"dp_I": [25]}, {"dp_I": [-1]}, {"dp_x": [1e9]}, {"dp_y": ["x"]}, {"dp_x": [float("nan")]}],
)
def test_broken_surface_points_are_refused(change):
    annotation = {**person([0, 0, 9, 9], {1: (0, 1)}, dp_x=[1], dp_y=[1], dp_I=[1]), **change}
    parts, persons = label_picture(picture(annotation))
    with pytest.raises(UserError, match="annotation 1: dp_x, dp_y"):
        only_at_surface_points(picture(annotation), parts, persons)
