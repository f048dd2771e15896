"""Embeddings → class logits: the classifier beside the embedding, and the stand-alone one of the second stage."""

import torch
from easydict import EasyDict
from torch import nn
from torch.nn import functional as F

from spml.models.base import init_weights

DROPOUT = {"segsort": 0.75, "softmax_classifier": 0.65}


class Classifier(nn.Module):
    """Raw embeddings N×C×h×w → logits N×K×h×w; the embeddings are normalised first."""

    def __init__(self, dim: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.semantic_classifier = nn.Sequential(
            nn.Conv2d(dim, 2 * dim, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * dim),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(2 * dim, num_classes, 1),
        )
        init_weights(self)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Raw embeddings N×C×h×w → logits N×K×h×w."""
        with torch.autocast(embedding.device.type, enabled=False):
            embedding = F.normalize(embedding.float(), dim=1)
        return self.semantic_classifier(embedding)


def build_classifier(config: EasyDict) -> Classifier:
    """The classifier that `network.prediction_types` names; that beside the embedding for a way to train of its own."""
    dropout = DROPOUT.get(config.network.prediction_types, DROPOUT["segsort"])
    return Classifier(config.network.embedding_dim, config.dataset.num_classes, dropout)
