"""What one training iteration computes: losses from a batch, for the embedding, the classifier alone, and tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from spml.config import Config
from spml.data.datasets import Batch
from spml.data.labels import first_tag
from spml.engine.batch_norm import joins_batch_norm
from spml.engine.mixed_precision import MixedPrecision
from spml.engine.processes import gather_segments, mean_count, world_size
from spml.errors import UserError
from spml.losses.objective import build_objective, cross_entropy, labelled_accuracy
from spml.losses.relations import neighbour_accuracy
from spml.models.backbones import parse_backbone
from spml.models.base import Backbone
from spml.models.cam_network import build_cam
from spml.models.classifier import build_classifier
from spml.models.embedding import build_embedding
from spml.models.timm_backbone import TimmBackbone
from spml.models.weights import load_pretrained
from spml.segments.memory_bank import MemoryBank
from spml.segments.prototypes import Prototypes, prototypes_of
from spml.segments.segment import Segments, resize_labels, segment_batch


@dataclass
class StepResult:
    """What an iteration gives.

    total: the scalar to minimise; losses: unweighted, by name; embedding: N×C×h×w, for pictures; accuracy: a function
    that computes it, called when it is shown; prototypes: those to remember; segments: of this process's batch.
    """

    total: torch.Tensor
    losses: dict[str, torch.Tensor]
    embedding: torch.Tensor
    accuracy: Callable[[], torch.Tensor]
    prototypes: Prototypes | None = None
    segments: Segments | None = None


def join_parts(results: Sequence[StepResult]) -> StepResult:
    """The results of a batch's parts as one: means of the losses, all prototypes, pictures of the first part."""
    if len(results) == 1:
        return results[0]
    losses = {name: torch.stack([r.losses[name].detach() for r in results]).mean() for name in results[0].losses}
    total = torch.stack([r.total.detach() for r in results]).mean()
    remembered = [r.prototypes for r in results if r.prototypes is not None]
    images = world_size() * len(results[0].embedding)
    prototypes = [replace(p, image=p.image + i * images) for i, p in enumerate(remembered)]
    joined = Prototypes.cat(prototypes) if prototypes else None
    return replace(results[0], total=total, losses=losses, prototypes=joined)


class EmbeddingTask(nn.Module):
    """Train the embedding by the relations, with the classifier beside it (paper, section 3)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding_model, self.prediction_model = build_embedding(config), build_classifier(config)
        self.objective = build_objective(config)
        self.network, self.train_config, self.num_classes = config.network, config.train, config.dataset.num_classes
        self.precision = MixedPrecision(config.train.amp)

    def train_mode(self) -> EmbeddingTask:
        """Both networks learn."""
        return self.train()

    def forward(self, batch: Batch, memory: MemoryBank) -> StepResult:
        """Batch and MemoryBank → StepResult."""
        with self.precision.autocast(batch.image.device):
            embedding = self.embedding_model(batch.image)
            end_to_end = self.train_config.cross_entropy_trains_embedding
            logits = self.prediction_model(embedding if end_to_end else embedding.detach())
        losses = {"cross_entropy": cross_entropy(logits, batch.semantic, self.num_classes, batch.labelled)}
        if not self.objective.weight:
            accuracy = partial(labelled_accuracy, logits.detach(), batch.semantic, self.num_classes)
            return StepResult(self.objective.total(losses), losses, embedding.detach(), accuracy)
        segments = self.segment(batch, embedding.float())
        segments, prototypes = gather_segments(segments, prototypes_of(segments, batch.tags))
        known = memory.extend(prototypes)
        losses |= self.objective.relation_losses(segments, known, batch.tags)
        total, accuracy = self.objective.total(losses), partial(neighbour_accuracy, known.detach())
        return StepResult(total, losses, embedding.detach(), accuracy, prototypes.detach(), segments)

    def segment(self, batch: Batch, embedding: torch.Tensor) -> Segments:
        """Segments of a batch at the embedding's resolution."""
        size, network = embedding.shape[-2:], self.network
        return segment_batch(
            embedding,
            self.embedding_model.local_features(batch.image, size),
            resize_labels(batch.semantic, size),
            resize_labels(batch.instance, size),
            network.kmeans_num_clusters,
            network.kmeans_iterations,
            network.label_divisor,
            network.affinity_space,
        )


class ClassifierTask(nn.Module):
    """Train a fresh classifier on an embedding that is frozen and in eval mode (paper, section 4: second stage).

    Its cross-entropy is the mean over the labelled pixels of all processes.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding_model, self.prediction_model = build_embedding(config), build_classifier(config)
        self.embedding_model.requires_grad_(False)
        self.num_classes, self.precision = config.dataset.num_classes, MixedPrecision(config.train.amp)

    def train_mode(self) -> ClassifierTask:
        """The classifier learns, the embedding stays as it is."""
        self.train()
        self.embedding_model.eval()
        return self

    def forward(self, batch: Batch, memory: MemoryBank) -> StepResult:
        """Batch → StepResult; the memory is not used."""
        with self.precision.autocast(batch.image.device):
            with torch.no_grad():
                embedding = self.embedding_model(batch.image)
            logits = self.prediction_model(embedding)
        count = (batch.semantic < self.num_classes).sum() if batch.labelled is None else batch.labelled
        count = mean_count(count)  # the mean over processes then divides by all
        loss = cross_entropy(logits, batch.semantic, self.num_classes, count)
        accuracy = partial(labelled_accuracy, logits.detach(), batch.semantic, self.num_classes)
        return StepResult(loss, {"cross_entropy": loss}, embedding, accuracy)


class CamTask(nn.Module):
    """Train a multi-label tag classifier, whose class activation maps become seeds."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding_model, self.prediction_model = build_cam(config)
        self.first_tag, self.precision = first_tag(config.dataset), MixedPrecision(config.train.amp)

    def train_mode(self) -> CamTask:
        """Backbone and head learn."""
        return self.train()

    def forward(self, batch: Batch, memory: MemoryBank) -> StepResult:
        """Batch → StepResult; of its labels only the tags are used."""
        with self.precision.autocast(batch.image.device):
            features = self.embedding_model(batch.image)
            logits = self.prediction_model(features).float()
        tags = batch.tags[:, self.first_tag :]
        loss = F.multilabel_soft_margin_loss(logits, tags.float())
        accuracy = partial(_tag_accuracy, logits.detach(), tags)
        return StepResult(loss, {"tags": loss}, features.detach(), accuracy)


def _tag_accuracy(logits: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    return ((logits > 0) == tags).float().mean()


Task = EmbeddingTask | ClassifierTask | CamTask
TASKS: dict[str, type[Task]] = {"segsort": EmbeddingTask, "softmax_classifier": ClassifierTask, "cam": CamTask}


def _check_embedding_training(config: Config) -> None:
    """Raise UserError where the embedding cannot be trained as the config says."""
    head, _ = parse_backbone(config.network.backbone_types)
    if head == "pspnet" and config.train.batch_size == 1 and not joins_batch_norm(config.network.use_syncbn):
        raise UserError(
            f"train.batch_size is 1, expected at least 2: the head of {config.network.backbone_types} normalises one "
            "value an image over the batch (network.use_syncbn joins the batches of several processes)"
        )
    objective = build_objective(config)
    if not any(objective.weight.values()) and not (
        config.train.cross_entropy_trains_embedding and objective.cross_entropy_weight
    ):
        raise UserError(
            "nothing trains the embedding: none of train.{sem_ann,sem_occ,img_sim,feat_aff}_loss_types is segsort with "
            "its train.*_loss_weight above 0; expected one, or train.cross_entropy_trains_embedding: true with "
            "train.sem_ann_loss_weight, the weight of the cross-entropy, above 0"
        )


def build_task(config: Config) -> Task:
    """The task that `network.prediction_types` names, at random initial values; UserError where it could not learn."""
    if config.network.prediction_types == "segsort":
        _check_embedding_training(config)
    return TASKS[config.network.prediction_types](config)


def load_weights(task: Task, config: Config) -> str:
    """Load what `network.pretrained` names into a task; returns one line that says what was loaded."""
    source, is_classifier = config.network.pretrained, isinstance(task, ClassifierTask)
    if source:
        loaded = load_pretrained(task.embedding_model, source, config.network, complete=is_classifier)
    elif is_classifier:
        raise UserError("network.pretrained is empty, expected the snapshot of the embedding to train a classifier on")
    else:
        loaded = "network.pretrained is empty: every weight starts at its random initial value"
    return f"{loaded}{_timm_summary(task.embedding_model.resnet_backbone, config)}"


def _timm_summary(backbone: Backbone, config: Config) -> str:
    """What is not in the YAML about a timm backbone: its stride and features, and the colours that it is given."""
    if not isinstance(backbone, TimmBackbone):
        return ""
    means, stds = ([round(value, 4) for value in config.network[key]] for key in ("pixel_means", "pixel_stds"))
    return f"; {config.network.timm_model}: {backbone.describe()}, pixel_means {means}, pixel_stds {stds}"


def build_memory(config: Config) -> MemoryBank:
    """The memory bank that `train.memory_bank_size` names."""
    return MemoryBank(config.train.memory_bank_size)
