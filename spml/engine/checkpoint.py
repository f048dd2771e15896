"""Snapshots: `model-{i}.pth` in the published format, and beside it `state-{i}.pth`, all a run needs to go on."""

from pathlib import Path
from typing import Any

import torch

from spml.data.files import atomic_path
from spml.engine.optim import SGD
from spml.engine.processes import from_first
from spml.engine.tasks import Task
from spml.errors import UserError
from spml.models.snapshots import newest_snapshot, snapshot_iterations
from spml.models.weights import load_file, load_into
from spml.segments.memory_bank import MemoryBank

MODELS = ("embedding_model", "prediction_model")


def _write(content: dict[str, Any], path: Path) -> None:
    with atomic_path(path) as partial:
        torch.save(content, partial)


def write_snapshot(snapshot_dir: str | Path, iteration: int, task: Task, optimizer: SGD, memory: MemoryBank) -> Path:
    """Write the state, then the weights, of a finished iteration, then drop older states; each file atomically.

    Returns the path of the weights.
    """
    folder = Path(snapshot_dir)
    state = {"iteration": iteration, "optimizer": optimizer.state_dict()["state"], "memory": memory.state_dict()}
    _write(state, folder / f"state-{iteration}.pth")
    path = folder / f"model-{iteration}.pth"
    _write({name: getattr(task, name).state_dict() for name in MODELS}, path)
    for old in folder.glob("state-*.pth"):
        if old.name != f"state-{iteration}.pth":
            old.unlink(missing_ok=True)
    return path


def resume_newest(
    snapshot_dir: str | Path, task: Task, optimizer: SGD, memory: MemoryBank, device: torch.device
) -> int | None:
    """Restore the newest snapshot of a folder; returns the next iteration, or None where there is no snapshot.

    Of several processes the first looks and reads; the others are sent what it has, whatever lies in their folders.
    Raises UserError where a snapshot is broken, lacks its state, or belongs to another network.
    """
    content = from_first(lambda: _read_newest(snapshot_dir, task, optimizer))
    if content is None:
        return None
    for name in MODELS:
        load_into(getattr(task, name), content[name], snapshot_dir, share=False)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": content["optimizer"]})
    memory.load_state_dict(content["memory"])
    memory.to(device)
    return content["iteration"] + 1


def _read_newest(snapshot_dir: str | Path, task: Task, optimizer: SGD) -> dict[str, Any] | None:
    """What the newest snapshot holds, seen to fit; None where there is no snapshot."""
    if not snapshot_iterations(snapshot_dir):
        return None
    path = newest_snapshot(snapshot_dir)
    state_path = path.with_name(path.name.replace("model", "state"))
    content = load_file(path)
    if not state_path.is_file():
        raise UserError(
            f"{state_path}: not found; {path.name} alone cannot be resumed from, only be network.pretrained"
        )
    state = load_file(state_path)
    memory = state.get("memory")
    if not state.keys() >= {"iteration", "optimizer"} or not {"entries", "images_seen"} <= set(memory or ()):
        raise UserError(f"{state_path}: holds no training state of this program")
    for name in MODELS:
        load_into(getattr(task, name), content.get(name), path, share=False)
    _check_momentum(optimizer, state["optimizer"], state_path)
    return {**{name: content[name] for name in MODELS}, **state}


def _check_momentum(optimizer: SGD, state: Any, path: Path) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    shapes = {i: tuple(p.shape) for i, p in enumerate(parameters)}
    momentum = {i: s.get("momentum") if isinstance(s, dict) else None for i, s in state.items()}
    if any(not isinstance(m, torch.Tensor) or tuple(m.shape) != shapes.get(i) for i, m in momentum.items()):
        raise UserError(f"{path}: its momentum belongs to other parameters; was train.freeze_at changed?")
