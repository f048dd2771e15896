import numpy as np
import pytest

from spml.data.labels import UNLABELLED
from spml.prepare.annotations.model import Mask, Point, Polygon, Rectangle, Stroke, Tag, mask_of, rounded, scaled
from spml.prepare.annotations.rasterise import Brush, area, draw, fill
from spml.prepare.strokes import draw_polyline


def polygon(*rings):
    return Polygon("", "", tuple(np.array(ring, float) for ring in rings))


def covered(shape, size=(40, 60), brush=None):
    return draw(size, [(shape, 1)], brush or Brush(6, 3)).label == 1


def inside_slowly(rings, size):
    """Pixel centres inside by counting, for each, the edges that a ray to the right crosses."""
    out = np.zeros(size, bool)
    for (row, column), _ in np.ndenumerate(out):
        x, y = column + 0.5, row + 0.5
        for ring in rings:
            for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, 0), strict=True):
                if (y0 < y) != (y1 < y):
                    out[row, column] ^= x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x
    return out


@pytest.mark.parametrize("seed", range(5))
def test_polygons_with_holes_cover_the_pixels_whose_centre_they_hold(seed):
    rng = np.random.default_rng(seed)
    rings = tuple(rng.uniform(-5, 20, (n, 2)) for n in (3, 7, 12))
    assert np.array_equal(fill(rings, (13, 17)), inside_slowly(rings, (13, 17)))


def test_a_polygon_on_the_edges_of_pixels_covers_what_it_encloses():
    found = covered(polygon([(2, 3), (9, 3), (9, 5), (2, 5)], [(4, 3), (5, 3), (5, 5), (4, 5)]))
    expected = np.zeros((40, 60), bool)
    expected[3:5, 2:9], expected[3:5, 4] = True, False
    assert np.array_equal(found, expected)


def test_chunks_of_crossings_give_the_same(monkeypatch):
    rings = (np.random.default_rng(3).uniform(-50, 100, (200, 2)),)
    whole = fill(rings, (64, 50))
    monkeypatch.setattr("spml.prepare.annotations.rasterise.CROSSINGS_AT_ONCE", 100)
    assert np.array_equal(fill(rings, (64, 50)), whole)


@pytest.mark.parametrize("start", [(0.5, 0.5), (31.5, 20.5), (59, 39), (60, 40)])
def test_strokes_and_dots_are_drawn_as_the_published_ones(start):
    points = np.array([start, (37.5, 11.5)])
    expected = np.zeros((40, 60), np.uint8)
    draw_polyline(expected, points, 1, width=3)
    assert np.array_equal(covered(Stroke("", "", points)), expected > 0)
    expected[:] = 0
    draw_polyline(expected, points[:1], 1, width=6)
    assert np.array_equal(covered(Point("", "", *start)), expected > 0)


def test_widths_are_published_from_200_to_1000_pixels_and_in_proportion_outside():
    assert [Brush().widths((side, 500)) for side in (500, 200, 100, 20)] == [(6, 3), (6, 3), (3, 2), (1, 1)]
    assert [Brush().widths((4000, side)) for side in (1000, 1500, 3000)] == [(6, 3), (9, 4), (18, 9)]
    assert Brush(9, 8).widths((20, 20)) == (9, 8)


def test_a_radius_or_width_of_its_own_wins():
    assert covered(Point("", "", 30, 20, radius=4.5)).any(0).sum() == 9
    assert covered(Stroke("", "", np.array([(10, 20), (40, 20)]), width=5)).any(1).sum() == 5


def test_later_shapes_win_and_pixels_with_two_labels_are_counted():
    square, part = polygon([(0, 0), (10, 0), (10, 10), (0, 10)]), polygon([(8, 0), (20, 0), (20, 10), (8, 10)])
    drawn = draw((40, 60), [(square, 1), (part, 2), (part, 2)], Brush())
    assert drawn.relabelled == 20 and drawn.counts == [100, 120, 120]
    assert [(drawn.label == value).sum() for value in (1, 2, UNLABELLED)] == [80, 120, 2400 - 200]


def test_boxes_and_tags_label_no_pixel():
    drawn = draw((40, 60), [(Rectangle("", "", 0, 0, 9, 9), 1), (Tag("", ""), 2)], Brush())
    assert (drawn.label == UNLABELLED).all() and drawn.counts == [0, 0]


@pytest.mark.parametrize("corner", [(-3, -2), (0, 0), (57, 38), (100, 100)])
def test_masks_are_cut_to_the_image(corner):
    pixels = np.random.default_rng(0).random((5, 7)) < 0.5
    whole = np.zeros((200, 200), bool)
    whole[50 + corner[1] : 55 + corner[1], 50 + corner[0] : 57 + corner[0]] = pixels
    assert np.array_equal(covered(mask_of("", "", pixels, *corner)), whole[50:90, 50:110])


def test_an_empty_mask_covers_nothing():
    assert not covered(mask_of("", "", np.zeros((4, 4), bool))).any()


def test_far_corners_and_windows_beyond_the_image_cover_nothing():
    far = [Point("", "", 1e6, -1e6), polygon([(1e6, 1e6), (9e5, 1e6), (1e6, 9e5)])]
    assert [area(shape, (40, 60), Brush())[1].size < 1000 for shape in far] == [True, True]


def test_scaled_shapes_cover_what_they_covered_in_the_larger_image():
    pixels = np.random.default_rng(1).random((8, 9)) < 0.5
    mask = scaled(mask_of("", "", pixels, 3, 2), 2, 2)
    assert isinstance(mask, Mask)
    assert np.array_equal(covered(mask)[4:20, 6:24], pixels.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(covered(scaled(mask, 0.5, 0.5))[2:10, 3:12], pixels)


def test_coordinates_are_rounded_to_hundredths():
    shape = rounded(Point("", "", 118.99999999999, 0.123456))
    assert (shape.x, shape.y) == (119.0, 0.12)
