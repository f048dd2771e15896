"""The vote of the nearest prototypes, against stored figures and a plain loop."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from spml.inference import retrieval
from spml.inference.gallery import Gallery
from spml.inference.retrieval import class_shares, nearest, nearest_labels


def drawn(count, dim=6, seed=0):
    rows = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def plain_vote(query, gallery, num_classes, neighbours):
    """Shares of the classes among the nearest, one query after the other."""
    shares = np.zeros((len(query), num_classes))
    for i, q in enumerate(query.numpy()):
        order = np.argsort(-(gallery.embedding.numpy() @ q), kind="stable")[:neighbours]
        for label in gallery.label.numpy()[order]:
            shares[i, label] += 1 / len(order)
    return shares


def test_stored_figures(golden, device):
    stored = {key: value.to(device) for key, value in golden("retrieval").items()}
    gallery = Gallery(stored["memory"], stored["memory_labels"])
    labels = nearest_labels(stored["queries"], gallery, int(stored["top_k"]))
    assert torch.equal(labels, stored["top_k_labels"])
    shares = class_shares(labels, 21)
    assert torch.equal(shares.argmax(1), stored["majority"])
    accuracy = shares.gather(1, stored["query_labels"][:, None]).mean()
    torch.testing.assert_close(accuracy, stored["accuracy"])


@pytest.mark.parametrize(("queries", "remembered"), [(7, 90), (1, 90), (7, 20), (7, 3), (1, 1)])
def test_votes_equal_a_plain_loop_also_with_few_remembered(queries, remembered, device):
    gallery = Gallery(drawn(remembered), torch.randint(5, (remembered,), generator=torch.Generator().manual_seed(1)))
    query = drawn(queries, seed=2)
    there = Gallery(gallery.embedding.to(device), gallery.label.to(device))
    shares = class_shares(nearest_labels(query.to(device), there), 5).cpu()
    np.testing.assert_allclose(shares, plain_vote(query, gallery, 5, 20), atol=1e-6)
    torch.testing.assert_close(shares.sum(1), torch.ones(queries))


@pytest.mark.parametrize(
    ("queries", "remembered", "neighbours"), [(300, 3000, 20), (0, 50, 3), (5, 31, 40), (3, 64, 1)]
)
def test_the_nearest_equal_a_sort_of_all(queries, remembered, neighbours, device):
    query, embedding = drawn(queries, seed=4).double().to(device), drawn(remembered).double().to(device)
    expected = (query @ embedding.T).argsort(1, descending=True)[:, :neighbours]
    assert torch.equal(nearest(query, embedding, neighbours), expected)


def test_equal_prototypes_are_each_taken_once():
    embedding = drawn(1).expand(70, -1).contiguous()
    found = nearest(embedding[:2], embedding, 20)
    assert [len(set(row.tolist())) for row in found] == [20, 20]


def test_chunks_of_the_gallery_say_what_it_says_at_once(monkeypatch):
    gallery, query = Gallery(drawn(103), torch.arange(103)), drawn(9, seed=3)
    at_once = nearest_labels(query, gallery)
    monkeypatch.setattr(retrieval, "MAX_SIMILARITIES", {"cpu": 1})
    assert torch.equal(nearest_labels(query, gallery), at_once)
    assert at_once.shape == (9, 20)


@pytest.mark.parametrize(("queries", "remembered"), [(40, 3000), (3, 31), (1, 1)])
def test_prototypes_in_float16_are_compared_in_float32(queries, remembered, device):
    query, embedding = drawn(queries, seed=4).to(device), drawn(remembered).to(device)
    short = embedding.half()
    found, whole = nearest(query, short, 20), nearest(query, short.float(), 20)
    assert torch.equal(found, whole)
    expected = (query @ short.float().T).topk(min(20, remembered), 1).values
    torch.testing.assert_close((query @ short.float().T).gather(1, found), expected, rtol=0, atol=1e-6)
    if remembered > 1000:
        assert not torch.equal(found, nearest(query, embedding, 20))  # what rounding changes is seen


class Largest(TorchDispatchMode):
    """How many numbers the largest new tensor of float32 holds."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.dtype == torch.float32:
            self.numbers = max(self.numbers, result.untyped_storage().nbytes() // 4)
        return result


@pytest.mark.parametrize("queries", [1, 100])
def test_prototypes_in_float16_are_never_held_in_float32_as_a_whole(queries, monkeypatch):
    monkeypatch.setattr(retrieval, "MAX_SIMILARITIES", {"cpu": 1 << 12})
    query, embedding = drawn(queries, 16), drawn(20000, 16).half()
    with Largest() as largest:
        nearest(query, embedding, 2)
    assert 0 < largest.numbers <= embedding.numel() / 3


def test_a_tie_goes_to_the_smallest_class():
    shares = class_shares(torch.tensor([[3, 1, 1, 3], [2, 0, 2, 0], [3, 2, 1, 0]]), 4)
    assert shares.argmax(1).tolist() == [1, 0, 0]
