"""The training objective: the weighted relations and the classifier's cross-entropy, each by its name."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from spml.config import Config
from spml.losses.relations import RELATIONS, RelationSettings
from spml.segments.prototypes import Prototypes
from spml.segments.segment import Segments


@dataclass(frozen=True)
class Objective:
    """Settings and weights by relation name; a relation that is not there is absent.

    cross_entropy_weight: the weight of the classifier beside the embedding, that of semantic annotation.
    """

    settings: Mapping[str, RelationSettings]
    weight: Mapping[str, float]
    cross_entropy_weight: float

    def relation_losses(
        self, segments: Segments, prototypes: Prototypes, tags: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The unweighted loss of each relation that is present, by name.

        prototypes: own ones first in the places that `segments.segment` names, then gathered and remembered ones;
        tags: [N, K] bool tag sets of this process's images.
        """
        return {name: RELATIONS[name](segments, prototypes, tags, s) for name, s in self.settings.items()}

    def total(self, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Weighted sum of named losses; `cross_entropy` carries the weight of semantic annotation."""
        weights = {**self.weight, "cross_entropy": self.cross_entropy_weight}
        return sum((weights[name] * loss for name, loss in losses.items()), start=torch.zeros(()))


def build_objective(config: Config) -> Objective:
    """The objective that `train.*` names."""
    train = config.train
    present = [name for name in RELATIONS if train[f"{name}_loss_types"] != "none"]
    classes, plain = config.dataset.num_classes, train.img_sim_features == "plain"
    return Objective(
        {name: RelationSettings(train[f"{name}_concentration"], classes, plain) for name in present},
        {name: train[f"{name}_loss_weight"] for name in present},
        train.sem_ann_loss_weight,
    )


def cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, num_classes: int, count: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean cross-entropy over labelled pixels: logits N×K×h×w resized to labels N×H×W; 0 where none is labelled.

    count: a scalar, what the sum over labelled pixels is divided by; by default their number.
    """
    logits = F.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)
    labelled = labels < num_classes
    total = _summed_cross_entropy(logits, torch.where(labelled, labels, -100).long())
    count = labelled.sum() if count is None else count
    return total / torch.where(count > 0, count, 1)


def _summed_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if logits.is_cuda:  # whose own sum adds in no fixed order
        return F.cross_entropy(logits, labels, ignore_index=-100, reduction="none").sum()
    return F.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")


def labelled_accuracy(logits: torch.Tensor, labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Share of labelled pixels whose class is right: logits N×K×h×w resized to labels N×H×W; 0 where none is."""
    with torch.no_grad():
        logits = F.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)
        labelled = labels < num_classes
        right = (logits.argmax(1) == labels) & labelled
        return right.sum() / labelled.sum().clamp_min(1)
