"""The trained network and what belongs to it, on one device."""

from dataclasses import dataclass

import torch

from spml.devices import choose_device
from spml.inference.retrieval import Memory
from spml.inference.windows import average_windows, embed_views, make_views, unit_length
from spml.models.classifier import Classifier
from spml.models.embedding import EmbeddingNetwork
from spml.models.weights import load_snapshot


@dataclass(frozen=True)
class Model:
    """Networks in eval mode, the memory to retrieve from or None, and the configuration."""

    embedding: EmbeddingNetwork
    classifier: Classifier | None
    memory: Memory | None
    config: object
    device: torch.device

    def look(self, image, scales, flips=True, whole=False):
        """Views of an image [H, W, 3] in 0..1 with the raw stride-4 embeddings of their windows, as pairs."""
        views = make_views(image, scales, self.config, flips, whole)
        return zip(views, embed_views(self.embedding, views, self.device), strict=True)

    def unit_embedding(self, view, embeddings):
        """Embeddings over the canvas, unit length in each window before overlaps are averaged: C×canvas."""
        return average_windows(view, embeddings, unit_length)

    def raw_embedding(self, view, embeddings):
        """Raw embeddings over the canvas: C×canvas."""
        return average_windows(view, embeddings, lambda embedding: embedding)

    def class_maps(self, view, scores, size=None):
        """Class scores or logits of a view, K×canvas, in the image's frame (`View.to_image`).

        Where classes have sides, those of a mirrored view change them back (`dataset.mirror_classes`).
        """
        sides = self.config.dataset.mirror_classes
        return view.to_image(scores[sides] if view.flip and sides else scores, size)

    def logits(self, view, embeddings):
        """Class logits over the canvas: K×canvas."""
        return average_windows(view, embeddings, self.classifier)


def load_model(job):
    """The Model that a job's flags and configuration name; raises UserError where they do not fit together."""
    device = choose_device(job.flags.device)
    embedding, classifier = load_snapshot(job.config, job.snapshot, device, job.needs.classifier)
    memory = None
    if job.memory is not None:
        memory = Memory(*(torch.from_numpy(array).to(device) for array in job.memory))
    return Model(embedding.to(memory_format=torch.channels_last), classifier, memory, job.config, device)
