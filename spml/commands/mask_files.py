"""Finding and reading the mask files that belong together: prediction, truth, instances."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spml.data.files import need_dir, read_label, visible_files
from spml.errors import UserError


@dataclass(frozen=True)
class MaskFiles:
    """Paths of one image's masks; `instances` is None where only classes are scored."""

    prediction: Path
    truth: Path
    instances: Path | None = None


def find_masks(
    pred_dir: str | Path,
    gt_dir: str | Path,
    inst_dir: str | Path | None = None,
    string_replace: str = "",
    ids: list[str] | None = None,
) -> list[MaskFiles]:
    """List the masks under `pred_dir` (recursively), each with its truth at the same place under `gt_dir`.

    string_replace: "A,B" replaces A by B in the path of the truth (and of the instances); ids: score just these, and
    miss none. Raises UserError for a missing folder, no masks, a mask that has no truth, an id that has no mask.
    """
    partners = [("--gt_dir", need_dir(gt_dir, "--gt_dir"))]
    if inst_dir is not None:
        partners.append(("--inst_dir", need_dir(inst_dir, "--inst_dir")))
    replacement = parse_replacement(string_replace)
    predictions = _list_masks(pred_dir)
    if ids is not None:
        predictions = _restrict(predictions, ids, pred_dir)
    return [
        MaskFiles(path, *(_partner(path, path.relative_to(pred_dir), *partner, replacement) for partner in partners))
        for path in predictions
    ]


def _list_masks(pred_dir: str | Path) -> list[Path]:
    predictions = visible_files(need_dir(pred_dir, "--pred_dir"), "**/*.png")
    if not predictions:
        raise UserError(f"--pred_dir {pred_dir}: holds no .png masks")
    return predictions


def _restrict(predictions: list[Path], ids: list[str], pred_dir: str | Path) -> list[Path]:
    by_id: dict[str, Path] = {}
    for path in predictions:
        if by_id.setdefault(path.stem, path) != path:
            raise UserError(
                f"--pred_dir {pred_dir}: both {by_id[path.stem]} and {path}; give the folder of one mask an id"
            )
    missing = [name for name in ids if name not in by_id]
    if missing:
        raise UserError(
            f"--pred_dir {pred_dir}: {missing[0]}.png not found; {len(missing)} of {len(ids)} ids have no mask"
        )
    return [by_id[name] for name in ids]


def parse_replacement(string_replace: str) -> tuple[str, str] | None:
    """Split "A,B" into a pair; None for an empty string. Raises UserError for anything else."""
    if not string_replace:
        return None
    old, comma, new = string_replace.partition(",")
    if not old or not comma or "," in new:
        raise UserError(f"--string_replace {string_replace!r}: expected A,B (A in a mask's path is replaced by B)")
    return old, new


def _partner(prediction: Path, place: Path, flag: str, folder: Path, replacement: tuple[str, str] | None) -> Path:
    path = folder / place
    if replacement is not None:
        path = Path(str(path).replace(*replacement))
    if not os.path.isfile(path):
        raise UserError(f"{path}: not found; expected from {prediction} by {flag} and --string_replace")
    return path


def count_unscored(masks: list[MaskFiles], gt_dir: str | Path) -> int:
    """The number of masks in `gt_dir` that are the truth of none of `masks`."""
    scored = {files.truth.resolve() for files in masks}
    return sum(path.resolve() not in scored for path in visible_files(gt_dir, "**/*.png"))


def read_pair(files: MaskFiles) -> tuple[np.ndarray, np.ndarray]:
    """Read prediction and truth, H×W uint8 each; raises UserError where one is broken or their sizes differ."""
    truth = read_label(files.truth)
    return _read_sized(files.prediction, truth, files.truth), truth


def read_triple(files: MaskFiles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read prediction, truth and instances, H×W uint8 each.

    Raises UserError where one is broken or not there, or their sizes differ.
    """
    prediction, truth = read_pair(files)
    if files.instances is None:
        raise UserError(f"{files.prediction}: has no instance mask; expected one in --inst_dir")
    return prediction, truth, _read_sized(files.instances, truth, files.truth)


def _read_sized(path: Path, truth: np.ndarray, truth_path: Path) -> np.ndarray:
    label = read_label(path)
    if label.shape != truth.shape:
        raise UserError(f"{path}: is {_size(label)} pixels, but its truth {truth_path} is {_size(truth)}")
    return label


def _size(label: np.ndarray) -> str:
    return f"{label.shape[1]}x{label.shape[0]}"
