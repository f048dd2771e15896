"""The random walk, against stored figures and the power of its matrix."""

import torch

from spml.inference.random_walk import affinity, random_walk


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
