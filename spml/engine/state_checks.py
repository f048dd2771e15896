"""Whether the state of a snapshot is whole, and of the run that goes on from it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from spml.engine.optim import SGD
from spml.engine.tasks import EmbeddingTask, Task
from spml.errors import UserError
from spml.models.soundness import check_finite, check_sum
from spml.segments.prototypes import Prototypes

FORMAT_VERSION = 1
SUMMED = ("iteration", "optimizer", "memory")


def check_state(state: dict[str, Any], path: Path, iteration: int) -> None:
    """Raise UserError where a state lacks something, is of another version or iteration, or is not what was written."""
    version, sums = state.get("format_version"), state.get("sums")
    if not state.keys() >= set(SUMMED) or not isinstance(sums, dict) or not {"model", "state"} <= sums.keys():
        raise UserError(f"{path}: holds no training state of this program, with check sums")
    if version != FORMAT_VERSION:
        raise UserError(f"{path}: format_version is {version!r}, this program reads {FORMAT_VERSION}")
    if type(state["iteration"]) is not int or state["iteration"] != iteration:
        raise UserError(f"{path}: its iteration is {state['iteration']!r}, expected {iteration}, as the file is named")
    check_sum({name: state[name] for name in SUMMED}, sums["state"], path)


def check_momentum(optimizer: SGD, state: Any, path: Path) -> None:
    """Raise UserError where a state's momentum is missing, of other parameters, or not finite."""
    shapes = {i: tuple(p.shape) for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"])}
    if not isinstance(state, dict) or (shapes and not state):
        raise UserError(f"{path}: holds no momentum; expected that of {len(shapes)} parameters")
    momentum = {i: s.get("momentum") if isinstance(s, dict) else None for i, s in state.items()}
    if any(not isinstance(m, torch.Tensor) or tuple(m.shape) != shapes.get(i) for i, m in momentum.items()):
        raise UserError(f"{path}: its momentum belongs to other parameters; was train.freeze_at changed?")
    check_finite({f"momentum {i}": m for i, m in momentum.items()}, path)


def check_memory(memory: Any, task: Task, path: Path) -> None:
    """Raise UserError where a state's memory bank is none, or of prototypes that do not fit those of a task."""
    entries = memory.get("entries") if isinstance(memory, dict) else None
    seen = memory.get("images_seen") if isinstance(memory, dict) else None
    if not isinstance(entries, list) or type(seen) is not int or not 0 <= seen < 2**62:
        raise UserError(f"{path}: its memory bank is none of this program")
    for entry in entries:
        _check_prototypes(entry, task, path)


def _check_prototypes(entry: Any, task: Task, path: Path) -> None:
    names = [field.name for field in fields(Prototypes)]
    if not isinstance(entry, dict) or set(entry) != set(names) or not all(torch.is_tensor(x) for x in entry.values()):
        raise UserError(f"{path}: its memory bank holds no prototypes of this program")
    if not isinstance(task, EmbeddingTask):
        raise UserError(f"{path}: its memory bank holds prototypes, expected none in this stage")
    dim, count = task.network.embedding_dim, len(entry["semantic"]) if entry["semantic"].dim() else -1
    columns = {
        "embedding": (dim,), "embedding_local": (dim + task.embedding_model.lfn.channels,), "tags": (task.num_classes,)
    }  # fmt: skip
    for name in names:
        found, expected = tuple(entry[name].shape), (count, *columns.get(name, ()))
        if found != expected:
            raise UserError(
                f"{path}: {name} in its memory bank has shape {found}, expected {expected}; "
                "check network.embedding_dim, network.local_features and dataset.num_classes"
            )
        wanted = torch.bool if name == "tags" else torch.float32 if name.startswith("embedding") else torch.int64
        if entry[name].dtype != wanted:
            raise UserError(f"{path}: {name} in its memory bank is {entry[name].dtype}, expected {wanted}")
    check_finite(entry, path)
