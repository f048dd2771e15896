"""Finding and reading masks that belong together: prediction, truth, instances."""

from dataclasses import dataclass
from pathlib import Path

from spml.data.files import need_dir, read_label, visible_files
from spml.errors import UserError


@dataclass(frozen=True)
class Masks:
    """Paths of one image's masks; `instances` is None where only classes are scored."""

    prediction: Path
    truth: Path
    instances: Path | None = None


def find_masks(pred_dir, gt_dir, inst_dir=None, string_replace="", ids=None):
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
        Masks(path, *(_partner(path, path.relative_to(pred_dir), *partner, replacement) for partner in partners))
        for path in predictions
    ]


def _list_masks(pred_dir):
    predictions = visible_files(need_dir(pred_dir, "--pred_dir"), "**/*.png")
    if not predictions:
        raise UserError(f"--pred_dir {pred_dir}: holds no .png masks")
    return predictions


def _restrict(predictions, ids, pred_dir):
    by_id = {}
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


def parse_replacement(string_replace):
    """Split "A,B" into a pair; None for an empty string. Raises UserError for anything else."""
    if not string_replace:
        return None
    old, comma, new = string_replace.partition(",")
    if not old or not comma or "," in new:
        raise UserError(f"--string_replace {string_replace!r}: expected A,B (A in a mask's path is replaced by B)")
    return old, new


def _partner(prediction, place, flag, folder, replacement):
    path = folder / place
    if replacement is not None:
        path = Path(str(path).replace(*replacement))
    if not path.is_file():
        raise UserError(f"{path}: not found; expected from {prediction} by {flag} and --string_replace")
    return path


def count_unscored(masks, gt_dir):
    """The number of masks in `gt_dir` that are the truth of none of `masks`."""
    scored = {pair.truth.resolve() for pair in masks}
    return sum(path.resolve() not in scored for path in visible_files(gt_dir, "**/*.png"))


def read_pair(masks):
    """Read prediction and truth, H×W each; raises UserError where one is broken or their sizes differ."""
    truth = read_label(masks.truth)
    return _read_sized(masks.prediction, truth, masks.truth), truth


def read_triple(masks):
    """Read prediction, truth and instances, H×W each; raises UserError where one is broken or their sizes differ."""
    prediction, truth = read_pair(masks)
    return prediction, truth, _read_sized(masks.instances, truth, masks.truth)


def _read_sized(path, truth, truth_path):
    label = read_label(path)
    if label.shape != truth.shape:
        raise UserError(f"{path}: is {_size(label)} pixels, but its truth {truth_path} is {_size(truth)}")
    return label


def _size(label):
    return f"{label.shape[1]}x{label.shape[0]}"


def read_ids(data_list):
    """Ids of the images in a data list, in its order; raises UserError where it cannot be read or is empty."""
    ids = [Path(line.split()[0]).stem for line in _read_lines(data_list, "--data_list")]
    if not ids:
        raise UserError(f"--data_list {data_list}: is empty; expected one 'image semantic instance' or 'image' a line")
    return list(dict.fromkeys(ids))


def read_class_names(path, num_classes):
    """Class names [K] from a file with one a line; raises UserError where there are more or fewer than K."""
    names = [line.strip() for line in _read_lines(path, "--class_names")]
    if len(names) != num_classes:
        raise UserError(f"--class_names {path}: holds {len(names)} names, but --num_classes is {num_classes}")
    return names


def _read_lines(path, flag):
    try:
        return [line for line in Path(path).read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{flag} {path}: cannot be read ({error})") from None
