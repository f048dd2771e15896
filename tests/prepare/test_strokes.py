import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spml.prepare.strokes import dilate, disc, draw_polyline, middle_part

SIZE = (40, 50)
spots = st.lists(st.tuples(st.floats(0, 49), st.floats(0, 39)), min_size=1, max_size=6)
fractions = st.floats(0, 1)


def drawn(points, fraction, width):
    label = np.full(SIZE, 254, np.uint8)
    draw_polyline(label, points, 7, fraction, width)
    assert set(np.unique(label)) <= {7, 254}
    return label == 7


def distance_to_polyline(points):
    """Distance of every pixel to the polyline, by projecting it on each segment."""
    pixels = np.stack(np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0])), -1).astype(float)
    points = np.array(points, float)
    best = np.linalg.norm(pixels - points[0], axis=-1)
    for start, end in zip(points, points[1:], strict=False):
        along = end - start
        share = ((pixels - start) @ along / max(along @ along, 1e-12)).clip(0, 1)
        best = np.minimum(best, np.linalg.norm(pixels - start - share[..., None] * along, axis=-1))
    return best


@given(spots, fractions, fractions, st.integers(1, 7))
def test_a_shorter_stroke_lies_within_a_longer_one(points, one, other, width):
    short, long = sorted((one, other))
    assert not (drawn(points, short, width) & ~drawn(points, long, width)).any()


@given(spots, fractions)
def test_every_pixel_of_a_thin_stroke_is_on_the_line(points, fraction):
    assert distance_to_polyline(points)[drawn(points, fraction, 1)].max() <= np.sqrt(0.5) + 1e-9


@given(spots)
def test_a_whole_thin_stroke_leaves_out_no_part_of_the_line(points):
    stroke = dilate(drawn(points, 1, 1), 3)
    x, y = np.rint(np.array(points)).astype(int).T
    assert stroke[y, x].all()
    assert stroke[distance_to_polyline(points) < 0.1].all()


@given(spots)
def test_the_middle_lies_on_the_line_half_way(points):
    (middle,) = middle_part(points, 0)
    lengths = np.linalg.norm(np.diff(np.array(points, float), axis=0), axis=1)
    left = lengths.sum() / 2
    for start, end, length in zip(points, points[1:], lengths, strict=False):
        if left <= length:
            expected = np.array(start) + (np.array(end) - start) * (left / length if length > 1e-9 else 0)
            break
        left -= length
    else:
        expected = np.array(points[-1], float)
    assert np.allclose(middle, expected, atol=1e-6)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 6])
def test_straight_strokes_are_exactly_as_wide_as_asked(width):
    assert (drawn([(10, 20), (40, 20)], 1, width)[:, 25].sum()) == width
    assert (drawn([(20, 10), (20, 35)], 1, width)[20].sum()) == width


def test_half_a_line_is_its_middle_half():
    columns = np.flatnonzero(drawn([(5, 20), (45, 20)], 0.5, 1).any(0))
    assert (columns[0], columns[-1]) == (15, 35) and columns.size == 21


def test_spots_outside_the_image_are_moved_to_its_border():
    assert np.argwhere(drawn([(-1e9, 1e9)], 1, 1)).tolist() == [[39, 0]]


def test_a_disc_of_three_is_a_square_and_of_six_is_round():
    assert disc(3).tolist() == [[1] * 3] * 3
    assert disc(6).sum() == 32 and disc(6)[0].tolist() == [0, 1, 1, 1, 1, 0]


@given(st.integers(0, 39), st.integers(0, 49), st.integers(1, 9))
def test_a_dilated_pixel_is_a_dot_around_it(y, x, width):
    mask = np.zeros(SIZE, bool)
    mask[y, x] = True
    rows, columns = np.nonzero(dilate(mask, width))
    assert dilate(mask, width)[y, x]
    assert max(abs(rows - y).max(), abs(columns - x).max()) <= width // 2
    assert np.ptp(rows) < width and np.ptp(columns) < width
