"""The training objective: the weighted relations and the classifier's cross-entropy, each by its name."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from spml.losses import relations

RELATIONS = ("sem_ann", "sem_occ", "img_sim", "feat_aff")


@dataclass(frozen=True)
class Objective:
    """Weights and concentrations by relation name; a relation that is not there is absent.

    cross_entropy_weight: the weight of the classifier beside the embedding, that of semantic annotation;
    plain_image_similarity: whether low-level similarity is taken in v rather than v⁺.
    """

    num_classes: int
    concentration: dict
    weight: dict
    cross_entropy_weight: float
    plain_image_similarity: bool = False

    def relation_losses(self, segments, prototypes, tags):
        """The unweighted loss of each relation that is present, by name.

        prototypes: own ones first in the places that `segments.segment` names, then gathered and remembered ones;
        tags: [N, K] bool tag sets of this process's images.
        """
        losses = {
            "sem_ann": lambda k: relations.semantic_annotation(segments, prototypes, self.num_classes, k),
            "sem_occ": lambda k: relations.semantic_cooccurrence(segments, prototypes, tags, k),
            "img_sim": lambda k: relations.image_similarity(segments, k, self.plain_image_similarity),
            "feat_aff": lambda k: relations.feature_affinity(segments, prototypes, self.num_classes, k),
        }
        return {name: losses[name](k) for name, k in self.concentration.items()}

    def total(self, losses):
        """Weighted sum of named losses; `cross_entropy` carries the weight of semantic annotation."""
        weights = {**self.weight, "cross_entropy": self.cross_entropy_weight}
        return sum(weights[name] * loss for name, loss in losses.items())


def build_objective(config):
    """The objective that `train.*` names."""
    train = config.train
    present = [name for name in RELATIONS if train[f"{name}_loss_types"] != "none"]
    return Objective(
        config.dataset.num_classes,
        {name: train[f"{name}_concentration"] for name in present},
        {name: train[f"{name}_loss_weight"] for name in present},
        train.sem_ann_loss_weight,
        train.img_sim_features == "plain",
    )


def cross_entropy(logits, labels, num_classes):
    """Mean cross-entropy over labelled pixels: logits N×K×h×w resized to labels N×H×W; 0 where none is labelled."""
    logits = F.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)
    labels = torch.where(labels < num_classes, labels, -100).long()
    total = F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return total / (labels >= 0).sum().clamp_min(1)


def pixel_accuracy(logits, labels, num_classes):
    """Share of labelled pixels whose class is right: logits N×K×h×w resized to labels N×H×W."""
    with torch.no_grad():
        logits = F.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)
        labelled = labels < num_classes
        right = (logits.argmax(1) == labels) & labelled
        return right.sum() / labelled.sum().clamp_min(1)
