"""Files of segment prototypes: ID.npz of prototype.py, and ID.npy of the published program."""

from pathlib import Path

import numpy as np

from spml.data.files import read_npy, read_npz, write_arrays
from spml.errors import UserError


def write_prototypes(path: str | Path, prototype: np.ndarray, label: np.ndarray) -> None:
    """Write the prototypes [S, C] of one image and their labels [S], atomically."""
    write_arrays(path, prototype=prototype.astype(np.float32), prototype_label=label.astype(np.int64))


def read_prototypes(path: Path, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Prototypes [S, dim] float32 and labels [S] of one image, from `.npz`, or from a `.npy` that pickles a dict.

    Raises UserError where the file holds anything else.
    """
    content = read_npz(path) if path.suffix == ".npz" else read_npy(path)
    try:
        prototype = np.asarray(content["prototype"], np.float32)
        label = np.asarray(content["prototype_label"]).astype(np.int64).reshape(-1)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        raise UserError(f"{path}: expected the arrays prototype and prototype_label") from None
    if prototype.ndim != 2 or len(prototype) != len(label) or prototype.shape[1] != dim:
        raise UserError(
            f"{path}: prototype has shape {prototype.shape} and prototype_label {len(label)} entries; "
            f"expected S×{dim} (network.embedding_dim) and S"
        )
    if not np.isfinite(prototype).all():
        raise UserError(f"{path}: prototype holds values that are not finite")
    return prototype, label
