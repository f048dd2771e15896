"""What one training iteration computes: the published iterations, and what each task promises."""

import pytest
import torch
from golden_fill import filled
from tiny_tasks import classifier_task, gradients, random_batch, tiny_task

from spml.config import load_config
from spml.data.datasets import Batch
from spml.engine.optim import SGD, parameter_groups
from spml.engine.tasks import CamTask, ClassifierTask, EmbeddingTask
from spml.segments.memory_bank import MemoryBank

PUBLISHED = {
    "network.embedding_dim": "64",
    "network.label_divisor": "2048",
    "network.kmeans_num_clusters": "[6, 6]",
    "train.weight_decay": "5e-4",
    **{f"train.{name}_loss_types": "segsort" for name in ("sem_ann", "sem_occ", "img_sim")},
    **{f"train.{n}_concentration": k for n, k in (("sem_ann", "6"), ("sem_occ", "8"), ("img_sim", "16"))},
    **{f"train.{n}_loss_weight": w for n, w in (("sem_ann", "0.3"), ("sem_occ", "0.3"), ("img_sim", "0.1"))},
}


def published_task():
    """The task on ResNet-101 from filled weights, in training mode, without dropout."""
    config = load_config(None, [word for pair in PUBLISHED.items() for word in pair])
    with torch.device("meta"):
        task = EmbeddingTask(config)
    for module in (task.embedding_model, task.prediction_model):
        module.load_state_dict({name: value.clone() for name, value in filled(module).items()}, assign=True)
    task.prediction_model.semantic_classifier[3].p = 0.0
    return task.train_mode()


def published_batch(figures, i):
    tags = figures["semantic_tag"][i][:, :21].bool()
    tags[:, 0] = False
    image = figures["image"][i].float()
    return Batch(image, figures["semantic_label"][i].long(), figures["instance_label"][i].long(), tags)


def logged(result):
    """The columns of the published log: weighted losses, annotation with the cross-entropy, accuracy, total."""
    loss = {name: value.item() for name, value in result.losses.items()}
    annotation = 0.3 * (loss["sem_ann"] + loss["cross_entropy"])
    return [annotation, 0.3 * loss["sem_occ"], 0.1 * loss["img_sim"], result.accuracy().item(), result.total.item()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train_voc", "train_voc_nomem"])
def test_two_training_iterations_equal_the_published_ones(golden, name):
    figures = golden(name)
    task, memory = published_task(), MemoryBank(int(figures["memory_bank_size"]))
    optimizer = SGD(parameter_groups(task.embedding_model, task.prediction_model, 5e-4), 0.9)
    parameters = dict(task.embedding_model.named_parameters())
    parameters |= {f"classifier.{n}": p for n, p in task.prediction_model.named_parameters()}
    parameters = [parameters[n] for n in figures["parameters"]]
    for i, (loss_rtol, change_rtol) in enumerate([(1e-4, 1e-2), (1e-2, 5e-2)]):
        before = [p.detach().clone() for p in parameters]
        result = task(published_batch(figures, i), memory)
        optimizer.zero_grad()
        result.total.backward()
        optimizer.step(float(figures["lr"][i]))
        memory.append(result.prototypes)
        assert logged(result) == pytest.approx(figures["log"][i].tolist(), rel=loss_rtol)
        change = [float((p.detach() - b).norm()) for p, b in zip(parameters, before, strict=True)]
        assert change == pytest.approx(figures["change"][i].tolist(), rel=change_rtol, abs=1e-12)


@pytest.mark.parametrize("label", [255, 254])
def test_a_batch_without_a_labelled_pixel_trains_without_nan(tiny_config, label):
    task, batch = tiny_task(tiny_config()), random_batch()
    batch.semantic[:] = label
    batch.tags[:] = False
    result = task(batch, MemoryBank(2))
    grads = gradients(task, result)
    assert all(torch.isfinite(g).all() for g in grads.values())
    assert result.losses["sem_ann"] == result.losses["cross_entropy"] == 0
    assert torch.isfinite(result.total)
    if label == 255:
        assert result.total == 0
        assert all((g == 0).all() for g in grads.values())
        assert len(result.prototypes) == 0
        assert result.accuracy() == 0


def test_a_batch_of_void_after_others_meets_the_memory_without_nan(tiny_config):
    task, memory = tiny_task(tiny_config()), MemoryBank(2)
    memory.append(task(random_batch(), memory).prototypes)
    void = random_batch(seed=1)
    void.semantic[:] = 255
    result = task(void, memory)
    assert result.total == 0
    assert all((g == 0).all() for g in gradients(task, result).values())


def test_remembered_prototypes_take_part_in_annotation_and_cooccurrence_only(tiny_config):
    task, memory, batch = tiny_task(tiny_config()), MemoryBank(2), random_batch()
    batch.tags = torch.tensor([[0, 1, 0, 0], [0, 0, 1, 0]]).bool()
    alone = task(batch, memory).losses
    memory.append(task(random_batch(seed=1), memory).prototypes)
    together = task(batch, memory).losses
    assert together["sem_ann"] != alone["sem_ann"]
    assert together["sem_occ"] != alone["sem_occ"]
    assert together["img_sim"] == alone["img_sim"]


def test_the_cross_entropy_reaches_the_embedding_only_where_asked(tiny_config):
    none = {f"{name}_loss_types": "none" for name in ("sem_ann", "sem_occ", "img_sim")}
    reached = {}
    for end_to_end in (False, True):
        task = tiny_task(tiny_config(train={**none, "cross_entropy_trains_embedding": end_to_end}))
        result = task(random_batch(), MemoryBank(0))
        assert list(result.losses) == ["cross_entropy"]
        assert result.prototypes is None
        assert result.total.item() == pytest.approx(0.3 * result.losses["cross_entropy"].item())
        names = gradients(task, result)
        reached[end_to_end] = any(n.startswith("embedding_model.") for n in names)
        assert any(n.startswith("prediction_model.") for n in names)
    assert reached == {False: False, True: True}


def test_the_relations_do_not_reach_the_classifier(tiny_config):
    task = tiny_task(tiny_config())
    result = task(random_batch(), MemoryBank(0))
    relations = sum(result.losses[name] for name in ("sem_ann", "sem_occ", "img_sim"))
    grads = torch.autograd.grad(relations, list(task.prediction_model.parameters()), allow_unused=True)
    assert all(g is None for g in grads)


def test_frozen_stages_keep_their_weights_and_move_their_statistics(tiny_config):
    task, memory = tiny_task(tiny_config()), MemoryBank(2)
    optimizer = SGD(parameter_groups(task.embedding_model, task.prediction_model, 5e-4), 0.9)
    before = {n: v.clone() for n, v in task.embedding_model.state_dict().items()}
    for i in range(2):
        result = task(random_batch(seed=i), memory)
        gradients(task, result)
        optimizer.step(0.01)
    after = task.embedding_model.state_dict()
    for name in (n for n in before if not n.endswith("num_batches_tracked")):
        frozen = name.startswith(("resnet_backbone.conv1.", "resnet_backbone.res2.")) and "running" not in name
        assert torch.equal(before[name], after[name]) == frozen, name


def test_a_bfloat16_step_is_finite_and_near_the_float32_one(tiny_config):
    results = {}
    for amp in ("none", "bf16"):
        task = tiny_task(tiny_config(train={"amp": amp}, network={"kmeans_iterations": 0}))
        task.prediction_model.semantic_classifier[3].p = 0.0
        result = task(random_batch(), MemoryBank(0))
        grads = gradients(task, result)
        assert all(torch.isfinite(g).all() for g in grads.values())
        results[amp] = {name: value.item() for name, value in result.losses.items()}
        assert all(value.dtype == torch.float32 for value in result.losses.values())
    assert results["bf16"] == pytest.approx(results["none"], rel=0.05)
    assert results["bf16"] != results["none"]


def test_a_densepose_step_uses_colour_affinity_and_plain_image_similarity(tiny_config):
    affinity = {"feat_aff_loss_types": "segsort", "feat_aff_concentration": 12, "feat_aff_loss_weight": 0.5}
    features = {"local_features": "location_colour", "affinity_space": True}
    task = tiny_task(tiny_config(network=features, train={**affinity, "img_sim_features": "plain"}))
    kernel = task.embedding_model.lfn.smooth_kernel.weight.clone()
    result = task(random_batch(), MemoryBank(0))
    assert set(result.losses) == {"cross_entropy", "sem_ann", "sem_occ", "img_sim", "feat_aff"}
    assert result.segments.embedding_local.shape[1] == 8 + 5
    assert all(torch.isfinite(g).all() for g in gradients(task, result).values())
    assert torch.equal(task.embedding_model.lfn.smooth_kernel.weight, kernel)


def test_classifier_training_leaves_the_embedding_and_its_statistics_untouched(tiny_config, tmp_path):
    task, embedding = classifier_task(tiny_config, tmp_path)
    assert isinstance(task, ClassifierTask)
    start = {n: v.clone() for n, v in task.prediction_model.state_dict().items()}
    optimizer = SGD(parameter_groups(task.embedding_model, task.prediction_model, 5e-4), 0.9)
    for i in range(2):
        result = task(random_batch(seed=i), MemoryBank(0))
        assert list(result.losses) == ["cross_entropy"]
        assert result.total == result.losses["cross_entropy"]
        assert not any(n.startswith("embedding_model") for n in gradients(task, result))
        optimizer.step(0.01)
    assert all(torch.equal(v, task.embedding_model.state_dict()[n]) for n, v in embedding.state_dict().items())
    assert all(not torch.equal(v, start[n]) for n, v in task.prediction_model.state_dict().items())


def test_a_tag_classifier_learns_from_the_tags_alone(tiny_config):
    task = tiny_task(tiny_config(network={"prediction_types": "cam"}), CamTask)
    batch = random_batch()
    result = task(batch, MemoryBank(0))
    logits = task.prediction_model(task.embedding_model(batch.image))
    assert logits.shape == (2, 3)
    wanted = batch.tags[:, 1:].float()
    plain = -(wanted * logits.sigmoid().log() + (1 - wanted) * (1 - logits.sigmoid()).log()).mean()
    assert result.total.item() == pytest.approx(plain.item(), rel=1e-4)
    assert result.accuracy() == ((logits > 0) == wanted.bool()).float().mean()
    names = gradients(task, result)
    assert any(n.startswith("embedding_model.resnet_backbone.res3") for n in names)
    batch.semantic[:] = 255
    assert task(batch, MemoryBank(0)).total.item() == pytest.approx(plain.item(), rel=1e-3)


def test_without_a_background_a_tag_classifier_has_an_output_for_each_class(tiny_config):
    config = tiny_config(network={"prediction_types": "cam"}, dataset={"background": "none"})
    task, batch = tiny_task(config, CamTask), random_batch()
    batch.tags[:, 0] = True
    logits = task.prediction_model(task.embedding_model(batch.image))
    assert logits.shape == (2, 4)
    wanted = batch.tags.float()
    plain = -(wanted * logits.sigmoid().log() + (1 - wanted) * (1 - logits.sigmoid()).log()).mean()
    assert task(batch, MemoryBank(0)).total.item() == pytest.approx(plain.item(), rel=1e-4)
