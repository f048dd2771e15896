"""Prototypes and majority labels against the published figures and plain loops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spml.segments.directions import mean_directions
from spml.segments.prototypes import Prototypes, majority_label, prototypes_of
from spml.segments.segment import Segments


@pytest.mark.parametrize(("count", "result"), [(6, "prototypes"), (9, "prototypes_of_9")])
def test_prototypes_equal_the_published_ones(golden, count, result, device):
    figures = golden("prototypes")
    got = mean_directions(figures["embeddings"].to(device), figures["labels"].to(device), count)
    torch.testing.assert_close(got.cpu(), figures[result], rtol=1e-4, atol=1e-5)


def test_an_empty_segment_has_a_zero_prototype_and_a_finite_gradient():
    x = torch.eye(3, dtype=torch.float64).requires_grad_()
    prototypes = mean_directions(x, torch.tensor([0, 0, 2]), 4)
    assert (prototypes[[1, 3]] == 0).all()
    prototypes.square().sum().backward()
    assert torch.isfinite(x.grad).all()


def test_the_gradient_of_prototypes_is_that_of_finite_differences():
    x = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    segment = torch.tensor([0, 1, 1, 3, 0, 3, 3])
    assert torch.autograd.gradcheck(lambda x: mean_directions(x, segment, 4)[[0, 1, 3]], x)


def test_gathered_prototypes_equal_the_published_ones(golden):
    pixels, figures = golden("segment_by_kmeans"), golden("gather_prototypes")
    segments = Segments(
        pixels["cluster_embedding"],
        pixels["cluster_embedding_with_loc"],
        figures["cluster_index"],
        pixels["cluster_semantic_label"],
        pixels["cluster_instance_label"],
        pixels["cluster_batch_index"],
        torch.arange(len(figures["cluster_index"])),
        2,
    )
    tags = torch.tensor([[False, True, False], [False, False, True]])
    got = prototypes_of(segments, tags)
    assert torch.equal(got.semantic, figures["prototype_semantic_label"])
    assert torch.equal(got.instance, figures["prototype_instance_label"])
    assert torch.equal(got.image, figures["prototype_batch_index"])
    assert torch.equal(got.tags, tags[got.image])
    torch.testing.assert_close(got.embedding, figures["prototypes"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(got.embedding_local, figures["prototypes_with_loc"], rtol=1e-4, atol=1e-5)


def test_no_segments_give_no_prototypes():
    none = torch.zeros(0, dtype=torch.long)
    got = prototypes_of(
        Segments(torch.zeros(0, 4), torch.zeros(0, 6), none, none, none, none, none, 2), torch.zeros(2, 3, dtype=bool)
    )
    assert len(got) == 0
    assert got.tags.shape == (0, 3)


def test_prototypes_in_a_row_keep_their_order():
    def some(value, count):
        label = torch.full((count,), value)
        return Prototypes(
            torch.full((count, 2), float(value)), torch.zeros(count, 4), label, label, label, label[:, None]
        )

    assert Prototypes.cat([some(1, 2), some(5, 0), some(3, 1)]).semantic.tolist() == [1, 1, 3]


def test_majority_labels_equal_the_published_ones(golden):
    figures = golden("majority_label")
    got = majority_label(figures["semantic"], figures["cluster"], len(figures["majority"]))
    assert torch.equal(got, figures["majority"])


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 254, 255])), min_size=1, max_size=30))
def test_the_majority_is_the_most_frequent_label_and_the_smallest_of_a_tie(pixels):
    segment, label = (torch.tensor(column) for column in zip(*pixels, strict=True))
    got = majority_label(label, segment, 4)
    for s in set(segment.tolist()):
        labels = [b for a, b in pixels if a == s]
        assert got[s] == max(sorted(set(labels)), key=labels.count)
