"""Class activation maps in the published format: ID.npy pickles {class − 1: scores H×W in 0..1}."""

from pathlib import Path

import numpy as np

from spml.errors import UserError
from spml.files import read_npy

BACKGROUND_POWER = 6


def cam_path(folder, name):
    """Where the CAM of an image lies."""
    return Path(folder) / f"{name}.npy"


def read_cam(path, size, num_classes):
    """Scores of each class that the file holds, {class: float32 [H, W]}; raises UserError where they do not fit."""
    content = read_npy(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a dict of class − 1 and scores")
    cam = {}
    for key, scores in content.items():
        if not isinstance(key, int | np.integer) or not 0 <= key < num_classes - 1:
            raise UserError(f"{path}: has the key {key!r}, expected class − 1, a number of 0..{num_classes - 2}")
        if not isinstance(scores, np.ndarray) or scores.shape != tuple(size) or scores.dtype.kind != "f":
            raise UserError(f"{path}: the scores of key {key} are no float array of the image's size {tuple(size)}")
        cam[int(key) + 1] = scores.astype(np.float32)
    return cam


def seed_scores(cam, size, num_classes):
    """Scores [K, H, W] of a CAM, those of the background being (1 − max)^6 (SEAM)."""
    scores = np.zeros((num_classes, *size), np.float32)
    for label, values in cam.items():
        scores[label] = values
    scores[0] = (1 - scores[1:].max(0)) ** BACKGROUND_POWER
    return scores
