"""What the values of an 8-bit label map mean: 0..K−1 are classes, K..254 is unlabelled, 255 is void."""

from pathlib import Path

import numpy as np
from easydict import EasyDict

from spml.data.images import read_label
from spml.errors import UserError

UNLABELLED = 254
VOID = 255
NO_BACKGROUND = "none"  # `dataset.background` of a data set whose class 0 is like the others


def read_weak_label(path: str | Path, dataset: EasyDict) -> np.ndarray:
    """Read a weak label map as H×W uint8 in the values above; every reader of weak labels goes through here.

    dataset: the `dataset` group of the configuration; with `unlabelled_index: 255` the file's 255 means unlabelled and
    becomes 254. Raises UserError where the file is missing, broken, no label map, or beyond `max_pixels`.
    """
    label = read_label(path, dataset.max_pixels)
    if dataset.unlabelled_index == VOID:
        label = np.where(label == VOID, np.uint8(UNLABELLED), label)
    return label


def need_size(label: np.ndarray, size: tuple[int, ...], path: str | Path, whole: str = "its image") -> np.ndarray:
    """The label map that `path` holds; raises UserError where it is not of the `size` (height, width) of `whole`."""
    if label.shape != size:
        raise UserError(f"{path}: is {label.shape[1]}×{label.shape[0]} pixels, {whole} is {size[1]}×{size[0]}")
    return label


def first_tag(dataset: EasyDict) -> int:
    """The first class that counts as a tag: 1 beside a background, which is class 0; else 0.

    dataset: the `dataset` group of the configuration.
    """
    return 0 if dataset.background == NO_BACKGROUND else 1
