"""The random walk, against stored figures and the power of its matrix."""

import torch

from spml.inference.random_walk import affinity, random_walk


def drawn_map(height, width):
    return torch.randn(5, height, width, generator=torch.Generator().manual_seed(0))


def test_stored_figures(golden):
    stored = golden("random_walk")
    height, width = stored["size"].tolist()
    embedding = stored["embeddings"].T.reshape(-1, height, width)
    seeds = stored["seeds"].reshape(-1, height, width)
    walked = random_walk(seeds, affinity(embedding))
    torch.testing.assert_close(walked.flatten(1), stored["propagated"], rtol=1e-4, atol=1e-5)


def test_steps_equal_the_power_of_the_matrix():
    embedding = drawn_map(4, 6).double()
    seeds = torch.rand(3, 4, 6, dtype=torch.float64)
    e = torch.nn.functional.normalize(embedding.flatten(1), dim=0)
    transition = torch.exp(5 * (e.T @ e) - 5) ** 20
    transition = transition / transition.sum(0, keepdim=True)
    expected = seeds.flatten(1) @ torch.linalg.matrix_power(transition, 64)
    torch.testing.assert_close(random_walk(seeds, affinity(embedding)).flatten(1), expected)
    one_step = random_walk(seeds, affinity(embedding), steps=1)
    torch.testing.assert_close(one_step.flatten(1), seeds.flatten(1) @ transition)


def test_an_affinity_is_one_with_itself_and_falls_with_the_angle():
    embedding = torch.tensor([[2.0, 0, -3], [0, 0.5, 0]])[:, None]
    expected = torch.tensor([[0.0, -5, -10], [-5, 0, -5], [-10, -5, 0]]).exp()
    torch.testing.assert_close(affinity(embedding), expected)


def test_equal_scores_stay_equal_and_one_pixel_keeps_its_score():
    torch.testing.assert_close(random_walk(torch.ones(2, 3, 4), affinity(drawn_map(3, 4))), torch.ones(2, 3, 4))
    seeds = torch.rand(4, 1, 1)
    torch.testing.assert_close(random_walk(seeds, affinity(drawn_map(1, 1))), seeds)
