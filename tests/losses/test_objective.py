"""The weighted objective, cross-entropy and pixel accuracy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from golden_fill import fill_module

from spml.losses.objective import Objective, build_objective, cross_entropy, labelled_accuracy
from spml.losses.relations import RelationSettings, neighbour_accuracy
from spml.models.classifier import Classifier
from spml.segments.prototypes import Prototypes, prototypes_of
from spml.segments.segment import Segments

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Objective(
    {name: RelationSettings(k, 21) for name, k in (("sem_ann", 6), ("sem_occ", 8), ("img_sim", 16))},
    {"sem_ann": 0.3, "sem_occ": 0.3, "img_sim": 0.1},
    cross_entropy_weight=0.3,
)
PRESENT = ("sem_ann", "sem_occ", "img_sim")


def tag_sets(tags):
    """Tag sets of 256 columns as 21 booleans, the background's False."""
    tags = tags[:, :21].bool()
    tags[:, 0] = False
    return tags


@pytest.fixture
def step(golden):
    """Segments, prototypes, memory and tags of the published step."""
    pixels, figures = golden("segment_by_kmeans"), golden("head_losses")
    names = ("embedding", "embedding_with_loc", "index", "semantic_label", "instance_label", "batch_index")
    columns = [pixels[f"cluster_{name}"] for name in names]
    segments = Segments(*columns, torch.arange(len(columns[0])), 2)
    tags = tag_sets(figures["semantic_tag"])
    label = figures["memory_prototype_semantic_label"]
    memory = Prototypes(
        figures["memory_prototype"],
        torch.zeros(len(label), 18),
        label,
        torch.zeros_like(label),
        torch.full_like(label, -1),
        tag_sets(figures["memory_prototype_semantic_tag"]),
    )
    return segments, prototypes_of(segments, tags), memory, tags


@pytest.mark.parametrize("kind", ["plain", "memory"])
def test_weighted_losses_and_accuracy_equal_the_published_ones(golden, step, kind):
    figures = golden("head_losses")
    segments, known, memory, tags = step
    known = Prototypes.cat([known, memory]) if kind == "memory" else known
    losses = PUBLISHED.relation_losses(segments, known, tags)
    for name in PRESENT:
        weighted = PUBLISHED.weight[name] * float(losses[name])
        assert weighted == pytest.approx(float(figures[f"{kind}_{name}_loss"]), rel=1e-4), name
    assert float(neighbour_accuracy(known)) == pytest.approx(float(figures[f"{kind}_accuracy"]), rel=1e-4)


def test_the_classifier_beside_the_embedding_adds_its_cross_entropy_before_the_weight(golden, step):
    figures, pixels = golden("head_losses"), golden("segment_by_kmeans")
    segments, known, _, tags = step
    losses = PUBLISHED.relation_losses(segments, known, tags)
    classifier = fill_module(Classifier(16, 21, dropout=0.0)).train()
    losses["cross_entropy"] = cross_entropy(classifier(pixels["embeddings"]), pixels["semantic_label"], 21)
    annotation = PUBLISHED.total({name: losses[name] for name in ("sem_ann", "cross_entropy")})
    assert annotation.item() == pytest.approx(float(figures["softmax_sem_ann_loss"]), rel=1e-4)
    for name in ("sem_occ", "img_sim"):
        weighted = PUBLISHED.weight[name] * float(losses[name])
        assert weighted == pytest.approx(float(figures[f"softmax_{name}_loss"]), rel=1e-4)
    total = sum(float(figures[f"softmax_{name}_loss"]) for name in PRESENT)
    assert PUBLISHED.total(losses).item() == pytest.approx(total, rel=1e-4)
    assert float(neighbour_accuracy(known)) == pytest.approx(float(figures["softmax_accuracy"]), rel=1e-4)


def test_a_relation_set_to_none_is_absent_and_the_cross_entropy_keeps_its_weight(tiny_config, step):
    segments, known, _, tags = step
    objective = build_objective(tiny_config(train={"sem_ann_loss_types": "none", "sem_occ_loss_types": "none"}))
    assert list(objective.relation_losses(segments, known, tags)) == ["img_sim"]
    assert objective.total({"cross_entropy": 1.0, "img_sim": 2.0}) == pytest.approx(0.3 + 0.2)


def test_all_four_relations_are_built_from_the_configuration(tiny_config, step):
    segments, known, _, tags = step
    affinity = {"feat_aff_loss_types": "segsort", "feat_aff_concentration": 12.5, "feat_aff_loss_weight": 0.5}
    objective = build_objective(tiny_config(train={**affinity, "img_sim_features": "plain"}))
    concentrations = {"sem_ann": 6, "sem_occ": 8, "img_sim": 16, "feat_aff": 12.5}
    assert objective.settings == {name: RelationSettings(k, 4, True) for name, k in concentrations.items()}
    assert set(objective.relation_losses(segments, known, tags)) == {"sem_ann", "sem_occ", "img_sim", "feat_aff"}


RELATION = """

def evenness(segments, concentration):
    return concentration * segments.embedding.mean().square()


RELATIONS["even"] = lambda s, _, __, o: evenness(s, o.concentration)
"""
KEYS = "  even_loss_types: none\n  even_concentration: 0.0\n  even_loss_weight: 0.0\n"
SEE = """
import torch
from spml.config import load_config
from spml.losses.objective import build_objective
from spml.segments.prototypes import prototypes_of
from spml.segments.segment import Segments

zero = torch.zeros(4, dtype=torch.int64)
segments = Segments(torch.ones(4, 2), torch.ones(4, 4), zero, zero, zero, zero, zero, 1)
prototypes = prototypes_of(segments, torch.ones(1, 2, dtype=torch.bool))
keys = {"train.even_loss_types": "segsort", "train.even_concentration": "3", "train.even_loss_weight": 0.25}
objective = build_objective(load_config(opts=keys))
losses = objective.relation_losses(segments, prototypes, prototypes.tags)
print(list(losses), losses["even"].item(), objective.total(losses).item(), list(build_objective(load_config()).weight))
load_config(opts={**keys, "train.even_concentration": 0})
"""


@pytest.mark.slow
def test_a_new_relation_is_a_function_its_line_and_three_keys(tmp_path):
    shutil.copytree(ROOT / "spml", tmp_path / "spml", ignore=shutil.ignore_patterns("__pycache__"))
    with open(tmp_path / "spml/losses/relations.py", "a") as file:
        file.write(RELATION)
    default = tmp_path / "spml/config/default.yaml"
    default.write_text(default.read_text().replace("\ntest:\n", f"{KEYS}\ntest:\n"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SEE], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "['even'] 3.0 0.75 []\n", done.stderr
    assert "train.even_concentration is 0, expected a positive number for its loss" in done.stderr.splitlines()[-1]


def test_cross_entropy_may_be_divided_by_a_count_of_all_processes():
    logits, labels = torch.randn(1, 3, 4, 4), torch.tensor([0, 1, 2, 254]).repeat(1, 4, 1)
    mean = cross_entropy(logits, labels, 3)
    torch.testing.assert_close(cross_entropy(logits, labels, 3, torch.tensor(6.0)), mean * 12 / 6)
    torch.testing.assert_close(cross_entropy(logits, labels, 3, torch.tensor(0.5)), mean * 12 / 0.5)


def test_cross_entropy_is_the_mean_over_labelled_pixels():
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=g, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 254, 255])[torch.randint(6, (2, 4, 5), generator=g)]
    terms = []
    for n, y, x in (labels < 3).nonzero().tolist():
        terms.append(-logits[n, :, y, x].softmax(0)[labels[n, y, x]].log())
    assert float(cross_entropy(logits, labels, 3)) == pytest.approx(float(sum(terms) / len(terms)), rel=1e-6)


def test_cross_entropy_is_taken_at_the_resolution_of_the_labels(device):
    logits = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(device)
    labels = torch.randint(3, (1, 8, 10), generator=torch.Generator().manual_seed(1)).to(device)
    large = torch.nn.functional.interpolate(logits, (8, 10), mode="bilinear", align_corners=False)
    expected = torch.nn.functional.cross_entropy(large, labels)
    torch.testing.assert_close(cross_entropy(logits, labels, 3), expected)
    right = (large.argmax(1) == labels).float().mean()
    torch.testing.assert_close(labelled_accuracy(logits, labels, 3), right)


@pytest.mark.parametrize("label", [3, 254, 255])
def test_cross_entropy_without_labelled_pixels_is_zero_with_zero_gradient(label):
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    labels = torch.full((1, 8, 8), label)
    loss = cross_entropy(logits, labels, 3)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()
    assert labelled_accuracy(logits, labels, 3) == 0


def test_accuracy_counts_labelled_pixels_only():
    logits = torch.tensor([[[[2.0, 2.0, 0.0, 2.0]], [[0.0, 0.0, 2.0, 0.0]]]])
    assert float(labelled_accuracy(logits, torch.tensor([[[0, 1, 1, 254]]]), 2)) == pytest.approx(2 / 3)
