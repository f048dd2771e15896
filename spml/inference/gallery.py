"""What retrieval retrieves from: segment prototypes with the classes of their pixels (paper, section 3.4)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from spml.errors import UserError

PROTOTYPE_TYPES = {"float32": torch.float32, "float16": torch.float16}  # by their names in `test.prototypes`


@dataclass(frozen=True)
class LabelledPrototypes:
    """Prototypes of one image. prototype: [S, C] unit vectors; label: [S], the majority of a segment's pixels, ties to
    the smallest; segment: [h, w] ids at the last scale."""

    prototype: np.ndarray
    label: np.ndarray
    segment: np.ndarray


@dataclass(frozen=True)
class Gallery:
    """M prototypes of labelled images: embedding [M, C] unit vectors, label [M], classes 0..K−1 only.

    The embedding is float32 or float16 (`test.prototypes`).
    """

    embedding: torch.Tensor
    label: torch.Tensor

    def __len__(self) -> int:
        return len(self.label)

    def joined(self, found: Iterable[LabelledPrototypes], num_classes: int) -> "Gallery":
        """This gallery and, behind it, the prototypes of images whose label is one of the classes.

        Raises UserError where their dimension is another than the gallery's, or each has no label that is a class.
        """
        embeddings, labels = [self.embedding], [self.label]
        for each in found:
            _check(each, self.embedding.shape[1])
            known = each.label < num_classes
            embeddings.append(torch.from_numpy(each.prototype[known]).to(self.embedding))
            labels.append(torch.from_numpy(each.label[known]).to(self.label))
        return Gallery(torch.cat(embeddings), torch.cat(labels))


def _check(found: object, dim: int) -> None:
    if not isinstance(found, LabelledPrototypes):
        raise UserError(f"prototypes: expected what prototypes() gives, or several, not {type(found).__name__}")
    prototype, label = found.prototype, found.label
    if not isinstance(prototype, np.ndarray) or prototype.ndim != 2 or prototype.shape[1] != dim:
        raise UserError(f"prototypes have shape {np.shape(prototype)}, expected S×{dim} (network.embedding_dim)")
    whole = isinstance(label, np.ndarray) and label.dtype.kind in "iu" and label.shape == prototype.shape[:1]
    if not whole or (label < 0).any():
        raise UserError(f"labels of {len(prototype)} prototypes: expected as many whole numbers, none below 0")


def empty_gallery(dim: int, device: torch.device, kind: str = "float32") -> Gallery:
    """A gallery of no prototypes, to be joined with some, which it holds in float32 or float16."""
    embedding = torch.empty(0, dim, dtype=PROTOTYPE_TYPES[kind], device=device)
    return Gallery(embedding, torch.empty(0, dtype=torch.long, device=device))


def gallery_of(prototype: np.ndarray, label: np.ndarray, device: torch.device) -> Gallery:
    """A gallery of prototypes [M, C] and their classes [M], as files hold them."""
    return Gallery(torch.from_numpy(prototype).to(device), torch.from_numpy(label).to(device))
