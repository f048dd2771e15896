"""What the values of an 8-bit label map mean: 0..K−1 are classes, K..254 is unlabelled, 255 is void."""

from pathlib import Path
from typing import Any

import numpy as np

from spml.data.images import read_label

UNLABELLED = 254
VOID = 255


def read_weak_label(path: str | Path, dataset: Any) -> np.ndarray:
    """Read a weak label map as H×W uint8 in the values above; every reader of weak labels goes through here.

    dataset: the `dataset` group of the configuration; with `unlabelled_index: 255` the file's 255 means unlabelled and
    becomes 254. Raises UserError where the file is missing, broken, or no label map.
    """
    label = read_label(path)
    if dataset.unlabelled_index == VOID:
        label = np.where(label == VOID, np.uint8(UNLABELLED), label)
    return label
