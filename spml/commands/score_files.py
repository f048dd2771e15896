"""Files of scores: what the benchmark scripts write as JSON and the table of a recipe reads."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spml.config.show import show
from spml.data.files import write_text
from spml.errors import UserError
from spml.evaluation.confusion import ClassScores
from spml.evaluation.instances import InstanceScores


def write_scores(path: str | Path, scores: ClassScores | InstanceScores, class_names: Sequence[str]) -> None:
    """Write figures and the names of their classes as JSON, atomically."""
    write_text(path, json.dumps({**asdict(scores), "classes": list(class_names)}, indent=2) + "\n")


@dataclass(frozen=True)
class ClassTableColumn:
    """IoU in percent of the classes by their names, those of the mean, and the mean."""

    iou: dict[str, float]
    mean: float


def read_mean_iou(path: str | Path) -> float | None:
    """Mean IoU in percent of a score file, None where it is not there.

    Raises UserError where the file is broken, or `mean_iou` is no number of 0..100.
    """
    content = _read(path)
    return None if content is None else _percent(path, "mean_iou", content.get("mean_iou"))


def read_class_scores(path: str | Path) -> ClassTableColumn | None:
    """The figures of the classes of a score file, None where it is not there; raises UserError where it is broken."""
    content = _read(path)
    if content is None:
        return None
    names, values, absent = (content.get(key, []) for key in ("classes", "iou", "left_out"))
    if not all(isinstance(part, list) for part in (names, values, absent)) or len(names) != len(values):
        raise UserError(f"{path}: not a score file of the benchmark scripts (classes and iou: expected equal lists)")
    figures = [
        (name if isinstance(name, str) else show(name), _percent(path, "iou", value))
        for name, value in zip(names, values, strict=True)
    ]
    iou = dict(figure for number, figure in enumerate(figures) if number not in absent)
    return ClassTableColumn(iou, _percent(path, "mean_iou", content.get("mean_iou")))


def _read(path: str | Path) -> dict | None:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a score file of the benchmark scripts ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a score file of the benchmark scripts (expected a JSON object)")
    return content


def _percent(path: str | Path, key: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
        return float(value)
    raise UserError(f"{path}: not a score file of the benchmark scripts ({key}: {show(value)[:40]})")
