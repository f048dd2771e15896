"""The contrastive loss against the published figures and the formula written pixel by pixel."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from spml.losses import contrastive
from spml.losses.contrastive import Contrast, contrastive_loss


def plain_loss(c, concentration):
    """The formula as it stands, one pixel at a time, in Python's floats."""
    losses, whole = [], c.positive if c.key is None else c.positive[:, c.key]
    for v, own, group in zip(c.anchor, c.own.tolist(), c.group.tolist(), strict=True):
        terms = [(concentration * (v @ u)).exp() for u in c.prototype]
        positive = whole[group].tolist()
        others = [t for s, t in enumerate(terms) if positive[s] and s != own]
        numerator = sum(others) if others else terms[own]
        negative = sum(t for s, t in enumerate(terms) if not positive[s])
        losses.append(-(numerator / (numerator + negative)).log())
    return sum(losses) / len(losses)


def unit(count, dim, generator, dtype=torch.float64):
    return normalize(torch.randn(count, dim, generator=generator, dtype=torch.float64), dim=1).to(dtype)


def random_contrast(pixels=40, segments=9, groups=4, density=0.4, dim=5, seed=0, dtype=torch.float64):
    """Random unit vectors, owners and relations; an own segment is positive or negative by chance."""
    g = torch.Generator().manual_seed(seed)
    return Contrast(
        unit(pixels, dim, g, dtype).requires_grad_(),
        unit(segments, dim, g, dtype).requires_grad_(),
        torch.randint(segments, (pixels,), generator=g),
        torch.randint(groups, (pixels,), generator=g),
        torch.rand(groups, segments, generator=g) < density,
    )


def loss_and_gradients(function, c, concentration):
    loss = function(c, concentration)
    return loss, *torch.autograd.grad(loss, (c.anchor, c.prototype))


def assert_equals_the_formula(c, concentration):
    got, expected = (loss_and_gradients(f, c, concentration) for f in (contrastive_loss, plain_loss))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


def published(figures, dtype=torch.float32):
    """The Contrast of a published figure: labels are classes, or tag sets of which two are positive if they meet."""
    labels, others = figures["labels"], figures["prototype_labels"]
    if labels.ndim == 1:
        group, positive = labels, torch.arange(21)[:, None] == others
    else:
        group, positive = torch.arange(len(labels)), (labels.float() @ others.float().T) > 0
    vectors = (figures[name].to(dtype).requires_grad_() for name in ("embeddings", "prototypes"))
    return Contrast(*vectors, figures["cluster_index"], group, positive)


@pytest.mark.parametrize("name", ["segsort_loss_c6", "segsort_loss_c16", "set_segsort_loss_c8", "set_segsort_loss_c12"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradients_equal_the_published_ones(golden, name, dtype):
    figures = golden(name)
    got = loss_and_gradients(contrastive_loss, published(figures, dtype), float(figures["concentration"]))
    expected = (figures["loss"], figures["grad_embeddings"], figures["grad_prototypes"])
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.float(), b.float(), rtol=1e-4, atol=1e-5)


@settings(max_examples=30)
@given(
    st.integers(1, 20), st.integers(1, 8), st.integers(1, 4), st.sampled_from([0, 0.1, 0.5, 1]), st.integers(0, 10**6)
)
def test_loss_and_gradients_equal_the_formula(pixels, segments, groups, density, seed):
    assert_equals_the_formula(random_contrast(pixels, segments, groups, density, 3, seed), 6)


@settings(max_examples=15)
@given(st.integers(1, 12), st.integers(1, 8), st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
def test_keys_of_segments_say_who_is_positive(pixels, segments, groups, keys, seed):
    c = random_contrast(pixels, segments, groups, 0.4, 3, seed)
    g = torch.Generator().manual_seed(seed)
    c.key, c.positive = torch.randint(keys, (segments,), generator=g), torch.rand(groups, keys, generator=g) < 0.4
    assert_equals_the_formula(c, 6)
    assert_equals_the_formula(c, 100)


@pytest.mark.parametrize("with_key", [False, True])
def test_both_forms_of_a_chunk_agree_in_float32_at_the_size_of_a_batch(monkeypatch, with_key):
    c = random_contrast(600, 150, 21, 0.1, 64, dtype=torch.float32)
    if with_key:
        c.key, c.positive = torch.arange(150) % 21, torch.eye(21, dtype=torch.bool)
    got = loss_and_gradients(contrastive_loss, c, 16)
    monkeypatch.setattr(contrastive, "LARGEST_CONCENTRATION", 0)
    for a, b in zip(got, loss_and_gradients(contrastive_loss, c, 16), strict=True):
        assert (a - b).abs().max() <= 1e-5 * b.abs().max()


def test_loss_and_gradients_equal_the_formula_on_every_device(device):
    c = random_contrast()
    moved = Contrast(*(tensor.detach().to(device) for tensor in vars(c).values() if tensor is not None))
    moved.anchor.requires_grad_()
    moved.prototype.requires_grad_()
    got, expected = loss_and_gradients(contrastive_loss, moved, 6), loss_and_gradients(plain_loss, c, 6)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-9, atol=1e-11)


def test_the_gradient_is_that_of_finite_differences():
    c = random_contrast(12, 6, 3)
    inputs = (c.anchor, c.prototype)
    assert torch.autograd.gradcheck(
        lambda v, u: contrastive_loss(Contrast(v, u, c.own, c.group, c.positive), 8), inputs
    )


@pytest.mark.parametrize("elements", [1, 16 * 9, 17 * 9, 40 * 9, 10**6])
def test_the_size_of_a_chunk_changes_nothing(monkeypatch, elements):
    c = random_contrast()
    expected = loss_and_gradients(contrastive_loss, c, 6)
    monkeypatch.setattr(contrastive, "CHUNK_ELEMENTS", {"cpu": elements})
    for a, b in zip(loss_and_gradients(contrastive_loss, c, 6), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


def test_no_pixels_lose_nothing_and_pull_nothing():
    for segments in (0, 5):
        c = random_contrast(0, max(segments, 1))
        c.prototype = c.prototype[:segments].detach().requires_grad_()
        loss, grad_anchor, grad_prototype = loss_and_gradients(contrastive_loss, c, 6)
        assert loss == 0
        assert grad_anchor.shape == (0, 5)
        assert (grad_prototype == 0).all()


def test_a_pixel_alone_with_its_own_segment_loses_nothing():
    g = torch.Generator().manual_seed(0)
    own = torch.zeros(3, dtype=torch.long)
    c = Contrast(unit(3, 4, g).requires_grad_(), unit(1, 4, g).requires_grad_(), own, own, torch.ones(1, 1).bool())
    loss, *gradients = loss_and_gradients(contrastive_loss, c, 6)
    assert loss == 0
    assert all((g == 0).all() for g in gradients)


def test_without_negatives_the_loss_is_zero():
    c = random_contrast(density=2.0)
    loss, *gradients = loss_and_gradients(contrastive_loss, c, 16)
    assert loss == 0
    assert all((g == 0).all() for g in gradients)


def test_the_own_segment_counts_only_where_there_is_no_other_positive():
    v = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    u = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    own = torch.tensor([0])
    with_other = contrastive_loss(Contrast(v, u, own, own, torch.tensor([[True, True, False]])), 2)
    assert float(with_other) == pytest.approx(-math.log(1 / (1 + math.exp(-2))))
    alone = contrastive_loss(Contrast(v, u, own, own, torch.tensor([[True, False, False]])), 2)
    assert float(alone) == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + 1 + math.exp(-2))))


def test_an_own_segment_that_is_no_positive_is_numerator_and_negative_at_once():
    v = torch.tensor([[1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    u = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    own = torch.tensor([0])
    c = Contrast(v, u, own, own, torch.tensor([[False, False]]))
    assert contrastive_loss(c, 1).item() == pytest.approx(-math.log(math.e / (math.e + math.e + 1)))
    assert_equals_the_formula(c, 1)


@pytest.mark.parametrize("scale", [1, 40])
def test_high_concentrations_neither_overflow_nor_lose_the_gradient(scale):
    c = random_contrast(dtype=torch.float32)
    exact = random_contrast()
    got = loss_and_gradients(contrastive_loss, c, 64.0 * scale)
    expected = loss_and_gradients(contrastive_loss, exact, 64.0 * scale)
    for a, b in zip(got, expected, strict=True):
        assert torch.isfinite(a).all()
        torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-3 * b.abs().max().item())


def test_the_loss_is_the_same_under_bfloat16_autocast():
    c = random_contrast(dtype=torch.float32)
    expected = loss_and_gradients(contrastive_loss, c, 16)
    with torch.autocast("cpu", torch.bfloat16):
        got = loss_and_gradients(contrastive_loss, c, 16)
    assert got[0].dtype == torch.float32
    for a, b in zip(got, expected, strict=True):
        assert torch.equal(a, b)


def test_bfloat16_vectors_are_compared_in_float32_and_get_gradients_of_their_own_kind():
    c = random_contrast(dtype=torch.bfloat16)
    exact = Contrast(
        *(x.detach().float().requires_grad_() for x in (c.anchor, c.prototype)), c.own, c.group, c.positive
    )
    got, expected = (loss_and_gradients(contrastive_loss, x, 16) for x in (c, exact))
    assert torch.equal(got[0], expected[0])
    assert [g.dtype for g in got[1:]] == [torch.bfloat16, torch.bfloat16]
    assert all(torch.equal(a, b.bfloat16()) for a, b in zip(got[1:], expected[1:], strict=True))


def test_the_gradient_is_scaled_by_what_follows():
    c = random_contrast()
    _, *expected = loss_and_gradients(contrastive_loss, c, 6)
    _, *got = loss_and_gradients(lambda c, k: 0.3 * contrastive_loss(c, k), c, 6)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, 0.3 * b)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_only_the_loss_is_computed(mode, monkeypatch):
    c, grads, chunk = random_contrast(), [], contrastive.grouped_chunk
    monkeypatch.setattr(contrastive, "grouped_chunk", lambda *args: grads.append(args[-1]) or chunk(*args))
    with mode():
        loss = contrastive_loss(c, 6)
    assert not loss.requires_grad
    assert grads == [None]
    torch.testing.assert_close(loss, plain_loss(c, 6).detach())


def test_a_gradient_of_the_gradient_is_refused_rather_than_wrong():
    c = random_contrast()
    (grad,) = torch.autograd.grad(contrastive_loss(c, 6) ** 2, c.anchor, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_prototypes_without_gradients_leave_that_of_the_pixels():
    c = random_contrast()
    _, expected, _ = loss_and_gradients(contrastive_loss, c, 6)
    c.prototype = c.prototype.detach()
    (got,) = torch.autograd.grad(contrastive_loss(c, 6), c.anchor)
    torch.testing.assert_close(got, expected)
