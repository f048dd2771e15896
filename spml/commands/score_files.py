"""Files of scores: what the benchmark scripts write as JSON and the table of a recipe reads."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from spml.data.files import write_text
from spml.errors import UserError
from spml.evaluation.confusion import ClassScores
from spml.evaluation.instances import InstanceScores


def write_scores(path: str | Path, scores: ClassScores | InstanceScores, class_names: Sequence[str]) -> None:
    """Write figures and the names of their classes as JSON, atomically."""
    write_text(path, json.dumps({**asdict(scores), "classes": list(class_names)}, indent=2) + "\n")


def read_mean_iou(path: str | Path) -> float | None:
    """Mean IoU in percent of a score file, None where it is not there.

    Raises UserError where the file is broken, or `mean_iou` is no number of 0..100.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a score file of the benchmark scripts ({error})") from None
    value = content.get("mean_iou") if isinstance(content, dict) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
        return float(value)
    raise UserError(f"{path}: not a score file of the benchmark scripts (mean_iou: {str(value)[:40]})")
