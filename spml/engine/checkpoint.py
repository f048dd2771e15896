"""Snapshots: `model-{i}.pth` in the published format, and beside it `state-{i}.pth`, all a run needs to go on."""

from pathlib import Path

import torch

from spml.data.files import atomic_path
from spml.errors import UserError
from spml.models.snapshots import newest_snapshot, snapshot_iterations
from spml.models.weights import load_file, load_into


def _save(content, path):
    with atomic_path(path) as partial:
        torch.save(content, partial)


def save(snapshot_dir, iteration, task, optimizer, memory):
    """Write the state, then the weights, of a finished iteration, then drop older states; each file atomically."""
    snapshot_dir = Path(snapshot_dir)
    state = {"iteration": iteration, "optimizer": optimizer.state_dict()["state"], "memory": memory.state_dict()}
    _save(state, snapshot_dir / f"state-{iteration}.pth")
    models = {name: getattr(task, name).state_dict() for name in ("embedding_model", "prediction_model")}
    _save(models, snapshot_dir / f"model-{iteration}.pth")
    for path in snapshot_dir.glob("state-*.pth"):
        if path.name != f"state-{iteration}.pth":
            path.unlink(missing_ok=True)


def resume(snapshot_dir, task, optimizer, memory, device):
    """Restore the newest snapshot of a folder; returns the next iteration, or None where there is no snapshot."""
    if not snapshot_iterations(snapshot_dir):
        return None
    path = newest_snapshot(snapshot_dir)
    content = load_file(path)
    state_path = path.with_name(path.name.replace("model", "state"))
    if not state_path.is_file():
        raise UserError(
            f"{state_path}: not found; {path.name} alone cannot be resumed from, only be network.pretrained"
        )
    state = load_file(state_path)
    if not state.keys() >= {"iteration", "optimizer", "memory"}:
        raise UserError(f"{state_path}: holds no training state of this program")
    for name in ("embedding_model", "prediction_model"):
        load_into(getattr(task, name), content.get(name), path, share=False)
    _load_optimizer(optimizer, state["optimizer"], state_path)
    memory.load_state_dict(state["memory"])
    memory.to(device)
    return state["iteration"] + 1


def _load_optimizer(optimizer, state, path):
    current = optimizer.state_dict()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    shapes = {i: tuple(p.shape) for i, p in enumerate(parameters)}
    momentum = {i: s.get("momentum") if isinstance(s, dict) else None for i, s in state.items()}
    if any(not isinstance(m, torch.Tensor) or tuple(m.shape) != shapes.get(i) for i, m in momentum.items()):
        raise UserError(f"{path}: its momentum belongs to other parameters; was train.freeze_at changed?")
    optimizer.load_state_dict({**current, "state": state})
