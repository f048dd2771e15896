"""Parameter groups, SGD and schedules against the published figures."""

import pytest
import torch

from spml.engine.optim import SGD, learning_rate, parameter_groups
from spml.models.classifier import Classifier
from spml.models.embedding import EmbeddingNetwork


def test_poly_rates_equal_the_published_ones(golden):
    figures = golden("lr_poly")
    base, last, warmup = float(figures["base_lr"]), int(figures["max_iteration"]), int(figures["warmup"])
    rates = [learning_rate(t, "poly", base, last, warmup) for t in figures["iteration"].tolist()]
    assert rates == pytest.approx(figures["lr"].tolist(), rel=1e-4)


def test_step_rates_equal_the_published_ones(golden):
    figures = golden("lr_step")
    base, warmup, decay = float(figures["base_lr"]), int(figures["warmup"]), figures["decay"].tolist()
    rates = [learning_rate(t, "step", base, 30000, warmup, decay) for t in figures["iteration"].tolist()]
    assert rates == pytest.approx(figures["lr"].tolist(), rel=1e-4)


def test_without_warm_up_the_first_rate_is_the_base_rate():
    assert learning_rate(0, "poly", 0.1, 10) == 0.1
    assert learning_rate(0, "step", 0.1, 10, 0, [5]) == 0.1
    assert learning_rate(5, "step", 0.1, 10, 0, [5]) == pytest.approx(0.01)


def test_four_steps_of_sgd_equal_the_published_ones(golden):
    figures = golden("sgd")
    weight, bias = (torch.nn.Parameter(figures[name].clone()) for name in ("weight", "bias"))
    rates, decays = (int(figures[f"{n}_lr_mult"]) for n in ("weight", "bias")), ("weight_decay", "bias_weight_decay")
    groups = [
        {"params": [p], "multiplier": multiplier, "weight_decay": float(figures[decay])}
        for p, multiplier, decay in zip((weight, bias), rates, decays, strict=True)
    ]
    optimizer = SGD(groups, float(figures["momentum"]))
    for i, rate in enumerate(figures["lr"].tolist()):
        weight.grad, bias.grad = figures["grad_weight"][i], figures["grad_bias"][i]
        optimizer.step(rate)
    torch.testing.assert_close(weight.data, figures["weight_after"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(bias.data, figures["bias_after"], rtol=1e-4, atol=1e-5)


def test_a_parameter_without_a_gradient_stays_as_it_is():
    moved, still = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    moved.grad = torch.ones(2)
    SGD([{"params": [moved, still], "weight_decay": 0.1}], 0.9).step(0.1)
    assert (moved != 1).all()
    assert (still == 1).all()


def named_groups(head):
    """{parameter name: (multiplier, weight decay)} of a network and its classifier, and all their parameter names."""
    with torch.device("meta"):
        embedding, classifier = EmbeddingNetwork(head, "18", 8, colour=True), Classifier(8, 4, 0.5)
    names = {id(p): n for n, p in embedding.named_parameters()}
    names |= {id(p): f"classifier.{n}" for n, p in classifier.named_parameters()}
    groups = parameter_groups(embedding, classifier, 5e-4)
    found = [(names[id(p)], (g["multiplier"], g["weight_decay"])) for g in groups for p in g["params"]]
    assert len(found) == len(dict(found)), "a parameter is in two groups"
    return dict(found), set(names.values())


@pytest.mark.parametrize("head", ["deeplab", "pspnet"])
def test_each_parameter_has_the_multiplier_and_decay_of_its_part(head):
    found, every = named_groups(head)
    for name in every:
        backbone, bias = name.startswith("resnet_backbone."), name.endswith(".bias")
        frozen = name.startswith(("resnet_backbone.conv1.", "resnet_backbone.res2.", "lfn."))
        expected = ((2 if bias else 1) * (1 if backbone else 10), 0.0 if bias else 5e-4)
        assert found.get(name) == (None if frozen else expected), name


def test_some_multipliers_by_name():
    found, _ = named_groups("pspnet")
    assert found["resnet_backbone.res3.0.conv1.weight"] == (1, 5e-4)
    assert found["resnet_backbone.res5.1.bn2.weight"] == (1, 5e-4)
    assert found["resnet_backbone.res4.0.bn1.bias"] == (2, 0)
    assert found["pspp.0.conv.1.weight"] == (10, 5e-4)
    assert found["pspp.1.bias"] == (20, 0)
    assert found["classifier.semantic_classifier.0.weight"] == (10, 5e-4)
    assert found["classifier.semantic_classifier.4.bias"] == (20, 0)
