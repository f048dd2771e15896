"""Class activation maps in the published format: ID.npy pickles {class − 1: scores H×W in 0..1}.

The key is the class's place among those that count as tags: class − 1 beside a background, which is class 0, and the
class itself in a data set without one. `first` says which: the first class that counts as a tag, 1 or 0.
"""

from pathlib import Path

import numpy as np

from spml.data.files import atomic_path, read_npy
from spml.errors import UserError

BACKGROUND_POWER = 6
ROUNDING = 1e-3  # a little more than 1 comes from float16 files


def cam_path(folder: str | Path, name: str) -> Path:
    """Where the CAM of an image lies."""
    return Path(folder) / f"{name}.npy"


def read_cam(
    path: str | Path, num_classes: int, size: tuple[int, int] | None = None, first: int = 1
) -> dict[int, np.ndarray]:
    """Scores of each class that a CAM file holds: {class: float32 [H, W] in 0..1}, classes ascending, maybe none.

    Raises UserError where the file is broken, names a class that is none of first..num_classes − 1, or where scores are
    outside 0..1 or not of one size (`size` (H, W) where given).
    """
    content = read_npy(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a dict of {_key_name(first)} to scores, not {type(content).__name__}")
    cam = {}
    for key, scores in content.items():
        if not isinstance(key, int | np.integer) or not 0 <= key < num_classes - first:
            span = f"integers from 0 to {num_classes - 1 - first}, the {_key_name(first)}"
            raise UserError(f"{path}: has class {key!r}, expected {span}")
        if getattr(scores, "dtype", np.dtype(object)).kind not in "fiu" or scores.ndim != 2 or not scores.size:
            raise UserError(f"{path}: expected one H×W array of scores a class, not {type(scores).__name__} for {key}")
        height, width = scores.shape if size is None else size
        size = (height, width)
        if scores.shape != size:
            raise UserError(f"{path}: expected one H×W array of scores a class of size {size}, not {scores.shape}")
        if not (scores.min() >= -ROUNDING and scores.max() <= 1 + ROUNDING):
            raise UserError(f"{path}: scores from {scores.min():g} to {scores.max():g}, expected 0 to 1")
        cam[int(key) + first] = scores.astype(np.float32).clip(0, 1)
    return dict(sorted(cam.items()))


def _key_name(first: int) -> str:
    return f"class - {first}" if first else "class"


def write_cam(path: str | Path, cam: dict[int, np.ndarray], first: int = 1) -> None:
    """Write {class: [H, W] in 0..1} as a CAM file of the published format, atomically."""
    content = np.array({label - first: scores.astype(np.float32) for label, scores in cam.items()}, dtype=object)
    with atomic_path(path) as partial, open(partial, "wb") as file:
        np.save(file, content, allow_pickle=True)


def seed_scores(cam: dict[int, np.ndarray], size: tuple[int, int], num_classes: int, first: int = 1) -> np.ndarray:
    """Scores [K, H, W] of a CAM, those of the background, where there is one, being (1 − max)^6 (SEAM)."""
    scores = np.zeros((num_classes, *size), np.float32)
    for label, values in cam.items():
        scores[label] = values
    if first:
        scores[0] = (1 - scores[1:].max(0)) ** BACKGROUND_POWER
    return scores
