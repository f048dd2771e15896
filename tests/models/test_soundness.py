"""Check sums and finite values of tensors; what is refused where files of weights are read."""

import pytest
import torch

from spml.errors import UserError
from spml.models.embedding import build_embedding
from spml.models.soundness import check_finite, tensor_sum
from spml.models.weights import load_checked, load_pretrained, load_snapshot


def content():
    return {"a": torch.arange(6.0).view(2, 3), "b": [torch.tensor(3), 4, "x"], 5: {"c": torch.ones(0).bfloat16()}}


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_equal_content_has_equal_sums_however_it_lies_in_memory():
    other = content()
    other["a"] = torch.arange(6.0).view(2, 3).t().contiguous().t()
    assert tensor_sum(other) == tensor_sum(dict(reversed(content().items()))) == tensor_sum(content())


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["a"].view(-1)[5].add_(1e-6),
        lambda c: c.update(a=c["a"].view(3, 2)),
        lambda c: c.update(a=c["a"].double()),
        lambda c: c["b"].append(1),
        lambda c: c.update(b=[torch.tensor(3), "4", "x"]),
        lambda c: c.pop(5),
    ],
)
def test_any_change_changes_the_sum(change):
    other = content()
    change(other)
    assert tensor_sum(other) != tensor_sum(content())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_named_with_its_tensor(value):
    check_finite({"whole": torch.tensor([2**62]), "fine": torch.tensor([1e38])}, "w.pth")
    assert complaint(check_finite, {"a": torch.ones(2), "b": torch.tensor([1.0, value])}, "w.pth").startswith(
        "w.pth: b holds values that are not finite"
    )


@pytest.fixture
def published(tiny_config, tmp_path):
    """A snapshot of the tiny network without a state, and the content of its file."""
    config = tiny_config()
    weights = {"embedding_model": build_embedding(config).state_dict()}
    torch.save(weights, tmp_path / "model-3.pth")
    return config, tmp_path / "model-3.pth", weights


def test_a_published_snapshot_loads_without_sums_but_not_with_nan(published):
    config, path, weights = published
    load_snapshot(config, path)
    weights["embedding_model"]["aspp.aspp_1.0.bias"][0] = float("nan")
    torch.save(weights, path)
    for load in (lambda: load_snapshot(config, path), lambda: load_pretrained(build_embedding(config), path, config)):
        assert "model-3.pth: aspp.aspp_1.0.bias holds values that are not finite" in complaint(load)


def test_weights_are_held_against_the_sum_in_the_state_beside_them(published):
    _, path, weights = published
    torch.save({"sums": {"model": tensor_sum(weights)}}, path.with_name("state-3.pth"))
    load_checked(path)
    weights["embedding_model"]["aspp.aspp_1.0.bias"][0] += 1
    torch.save(weights, path)
    assert "model-3.pth: its content is not what was written" in complaint(load_checked, path)
    path.with_name("state-3.pth").write_text("broken, which says nothing of the weights")
    load_checked(path)
