"""The random walk, against stored figures and the power of its matrix."""

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev

from spml.inference.random_walk import affinity, power_coefficients, random_walk


def drawn_map(height, width, device):
    return torch.randn(5, height, width, generator=torch.Generator().manual_seed(0)).to(device)


def test_stored_figures(golden, device):
    stored = {key: value.to(device) for key, value in golden("random_walk").items()}
    height, width = stored["size"].tolist()
    embedding = stored["embeddings"].T.reshape(-1, height, width)
    seeds = stored["seeds"].reshape(-1, height, width)
    walked = random_walk(seeds, affinity(embedding))
    torch.testing.assert_close(walked.flatten(1), stored["propagated"], rtol=1e-4, atol=1e-5)


def test_steps_equal_the_power_of_the_matrix(device):
    embedding = drawn_map(4, 6, device).double()
    seeds = torch.rand(3, 4, 6, dtype=torch.float64, device=device)
    e = torch.nn.functional.normalize(embedding.flatten(1), dim=0)
    transition = torch.exp(5 * (e.T @ e) - 5) ** 20
    transition = transition / transition.sum(0, keepdim=True)
    expected = seeds.flatten(1) @ torch.linalg.matrix_power(transition, 64)
    torch.testing.assert_close(random_walk(seeds, affinity(embedding)).flatten(1), expected)
    one_step = random_walk(seeds, affinity(embedding), steps=1)
    torch.testing.assert_close(one_step.flatten(1), seeds.flatten(1) @ transition)


def test_an_affinity_is_one_with_itself_and_falls_with_the_angle(device):
    embedding = torch.tensor([[2.0, 0, -3], [0, 0.5, 0]], device=device)[:, None]
    expected = torch.tensor([[0.0, -5, -10], [-5, 0, -5], [-10, -5, 0]], device=device).exp()
    torch.testing.assert_close(affinity(embedding), expected)


def test_equal_scores_stay_equal_and_one_pixel_keeps_its_score(device):
    ones = torch.ones(2, 3, 4, device=device)
    torch.testing.assert_close(random_walk(ones, affinity(drawn_map(3, 4, device))), ones)
    seeds = torch.rand(4, 1, 1, device=device)
    torch.testing.assert_close(random_walk(seeds, affinity(drawn_map(1, 1, device))), seeds)


@pytest.mark.parametrize("exponent", [1, 2, 7, 64, 200])
def test_a_power_is_a_short_sum_of_chebyshev_polynomials(exponent):
    x = np.linspace(0, 1, 101)
    exact = power_coefficients(exponent, 0)
    np.testing.assert_allclose(chebyshev.chebval(2 * x - 1, exact), x**exponent, atol=1e-14)
    short = power_coefficients(exponent, 1e-6)
    assert np.abs(chebyshev.chebval(2 * x - 1, short) - x**exponent).max() <= 1e-6
    assert exponent < 64 or len(short) < len(exact) / 2


@pytest.mark.parametrize("steps", [1, 3, 64])
def test_a_walk_over_several_views_equals_step_by_step(steps, device):
    total = sum(affinity(drawn_map(9, 11, device) + i) for i in range(3)) / 3
    seeds = torch.rand(4, 9, 11, generator=torch.Generator().manual_seed(0)).to(device)
    seeds[2] = 0
    transition = total**20 / (total**20).sum(0)
    expected = seeds.flatten(1)
    for _ in range(steps):
        expected = expected @ transition
    walked = random_walk(seeds, total, steps=steps)
    torch.testing.assert_close(walked.flatten(1), expected, rtol=1e-5, atol=1e-7)
    assert not walked[2].any()
