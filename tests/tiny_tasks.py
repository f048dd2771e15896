"""Tiny training tasks and random batches for them."""

import torch

from spml.data.datasets import Batch
from spml.engine.tasks import EmbeddingTask, build_task, load_weights


def random_batch(images=2, size=32, seed=0, classes=4):
    g = torch.Generator().manual_seed(seed)
    blocks = torch.tensor([0, 1, 2, 3, 254])[torch.randint(5, (images, 4, 4), generator=g)]
    semantic = blocks.repeat_interleave(size // 4, 1).repeat_interleave(size // 4, 2)
    instance = torch.randint(3, (images, 2, 2), generator=g).repeat_interleave(size // 2, 1)
    instance = instance.repeat_interleave(size // 2, 2)
    tags = torch.stack([torch.tensor([c > 0 and bool((s == c).any()) for c in range(classes)]) for s in semantic])
    return Batch(torch.randn(images, 3, size, size, generator=g), semantic, instance, tags)


def tiny_task(config, kind=EmbeddingTask, seed=0):
    torch.manual_seed(seed)
    return kind(config).train_mode()


def gradients(task, result):
    task.zero_grad()
    result.total.backward()
    return {n: p.grad for n, p in task.named_parameters() if p.grad is not None}


def classifier_task(tiny_config, tmp_path, **network):
    """A classifier task on a saved embedding, built as training builds it, with that embedding."""
    source = tiny_task(tiny_config(network=network), seed=5)
    torch.save({"embedding_model": source.embedding_model.state_dict()}, tmp_path / "model-2.pth")
    network |= {"prediction_types": "softmax_classifier", "pretrained": str(tmp_path / "model-2.pth")}
    config = tiny_config(network=network)
    task = build_task(config)
    assert "0 left at their initial value" in load_weights(task, config)
    return task.train_mode(), source.embedding_model
