import numpy as np
import pytest

from spml.data.labels import UNLABELLED
from spml.data.outlines import outlines, trace
from spml.prepare.annotations.model import Polygon
from spml.prepare.annotations.rasterise import Brush, draw


def drawn(found, size):
    return draw(size, [(Polygon("", "", (each.corners,)), each.value) for each in found], Brush()).label


@pytest.mark.parametrize("seed", range(20))
def test_borders_drawn_in_their_order_give_the_label_map_again(seed):
    rng = np.random.default_rng(seed)
    label = rng.choice(np.array([0, 1, 2, 254, 255], np.uint8), rng.integers(1, 16, 2))
    assert np.array_equal(drawn(outlines(label), label.shape), label)


def test_a_border_has_a_corner_only_where_it_turns():
    area = np.array([[1, 1, 1], [1, 0, 0]], bool)
    assert trace(area).tolist() == [[0, 0], [3, 0], [3, 1], [1, 1], [1, 2], [0, 2]]


def test_unlabelled_areas_count_only_within_others():
    label = np.full((9, 9), UNLABELLED, np.uint8)
    label[2:7, 2:7], label[4, 4] = 1, UNLABELLED
    assert [each.value for each in outlines(label)] == [1, UNLABELLED]


def test_a_tolerance_drops_corners_and_moves_borders_no_further():
    rows, columns = np.mgrid[:60, :60]
    label = np.where(np.hypot(rows - 30, columns - 30) < 22, 1, 0).astype(np.uint8)
    exact, simple = outlines(label), outlines(label, 1.0)
    assert len(simple[1].corners) < len(exact[1].corners) / 3
    assert (drawn(simple, label.shape) != label).mean() < 0.03


def test_small_areas_can_be_left_out():
    label = np.zeros((9, 9), np.uint8)
    label[1, 1], label[4:7, 4:7] = 1, 2
    assert [each.value for each in outlines(label, min_pixels=2)] == [0, 2]
