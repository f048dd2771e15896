"""The dense CRF: its energies, and what its kernels do to a mask."""

import itertools

import numpy as np
import pytest

from spml.errors import UserError
from spml.inference.crf import dense_crf, refine_scores
from spml.inference.crf_settings import CRF_WEIGHT, CRF_WIDTH, CRFParameters

FLAT = np.full((12, 10, 3), 90, np.uint8)


def drawn_scores(classes=3, size=(12, 10)):
    return np.random.default_rng(0).random((classes, *size)).astype(np.float32)


def test_without_pairwise_terms_scores_are_only_clipped_and_normalised():
    scores = drawn_scores()
    scores[0, 0, 0], scores[1, 0, 0] = 0, 7
    clipped = scores.clip(1e-5, 1)
    got = dense_crf(FLAT, scores, CRFParameters(pos_w=0, bi_w=0))
    np.testing.assert_allclose(got, clipped / clipped.sum(0), rtol=1e-4, atol=1e-6)


def test_scores_are_taken_as_they_come_so_that_small_ones_weigh_as_much():
    scores = drawn_scores()
    got = dense_crf(FLAT, scores, CRFParameters())
    np.testing.assert_allclose(dense_crf(FLAT, scores / 2, CRFParameters()), got, atol=1e-3)


def test_no_iteration_keeps_the_mask():
    scores = drawn_scores()
    assert (dense_crf(FLAT, scores, CRFParameters(iterations=0)).argmax(0) == scores.argmax(0)).all()


def test_a_mask_follows_the_edge_of_the_image():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 200
    truth = np.repeat(np.arange(20) >= 10, 20).reshape(20, 20).T.astype(int)
    right = np.where(truth, 0.6, 0.4)
    rng = np.random.default_rng(0)
    right[rng.random(right.shape) < 0.2] = 0.5
    right[:, 10:12] = 0.45  # the scores' edge lies two pixels off
    assert (right > 0.5).astype(int).tolist() != truth.tolist()
    marginals = dense_crf(image, np.stack([1 - right, right]), CRFParameters())
    assert (marginals.argmax(0) == truth).all()


def test_classes_that_no_pixel_scores_can_be_left_out():
    scores = drawn_scores(6)
    scores[[1, 2, 4]] = 0
    image = np.random.default_rng(1).integers(0, 256, (12, 10, 3)).astype(np.uint8)
    whole, short = (refine_scores(image, scores, CRFParameters(present_only=only)) for only in (False, True))
    assert (whole.argmax(0) == short.argmax(0)).all() and not short[[1, 2, 4]].any()
    np.testing.assert_allclose(short, whole, atol=1e-3)
    assert not refine_scores(image, 0 * scores, CRFParameters(present_only=True)).any()


def test_scores_of_any_float_and_memory_order_are_taken():
    scores = drawn_scores()
    expected = dense_crf(FLAT, scores, CRFParameters())
    other = np.asfortranarray(scores.astype(np.float64))
    np.testing.assert_allclose(dense_crf(FLAT[:, ::-1], other, CRFParameters()), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_images_of_one_row_or_column_are_taken(shape):
    marginals = dense_crf(np.zeros((*shape, 3), np.uint8), drawn_scores(2, shape), CRFParameters())
    assert marginals.shape == (2, *shape) and np.isfinite(marginals).all()


@pytest.mark.parametrize("name", ["pos_xy_std", "pos_w", "bi_xy_std", "bi_w", "bi_rgb_std", "iterations"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e7])
def test_parameters_that_the_computation_does_not_survive_are_refused(name, value):
    with pytest.raises(UserError, match=f"CRF, {name}: .*; expected "):
        CRFParameters(**{name: value})


def test_the_narrowest_and_widest_kernels_and_the_largest_weights_are_computed():
    scores = drawn_scores(3, FLAT.shape[:2])
    for width, weight in itertools.product(CRF_WIDTH, CRF_WEIGHT):
        got = dense_crf(FLAT, scores, CRFParameters(2, width, weight, width, weight, width))
        assert np.isfinite(got).all()
    with pytest.raises(UserError, match="CRF, bi_rgb_std: 1e-30; expected 0.001 to 1e"):
        CRFParameters(bi_rgb_std=1e-30)
