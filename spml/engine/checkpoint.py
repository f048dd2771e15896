"""Snapshots: `model-{i}.pth` in the published format, and beside it `state-{i}.pth`, all a run needs to go on."""

from pathlib import Path
from typing import Any

import torch

from spml.config import Config
from spml.data.files import atomic_path
from spml.engine.optim import SGD
from spml.engine.processes import from_first
from spml.engine.state_checks import FORMAT_VERSION, check_memory, check_momentum, check_state
from spml.engine.tasks import Task
from spml.errors import UserError
from spml.models.snapshots import snapshot_iterations, state_path
from spml.models.soundness import check_finite, check_sum, tensor_sum
from spml.models.weights import load_file, load_into
from spml.segments.memory_bank import MemoryBank

MODELS = ("embedding_model", "prediction_model")


def _write(content: dict[str, Any], path: Path) -> None:
    with atomic_path(path) as partial, open(partial, "wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # of torch's writer, which makes one of whatever the system refuses
            raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


def write_weights(folder: Path, iteration: int, task: Task) -> Path:
    """Write the weights after an iteration as `model-{iteration}.pth`, atomically; returns that path."""
    path = folder / f"model-{iteration}.pth"
    _write({name: getattr(task, name).state_dict() for name in MODELS}, path)
    return path


def write_snapshot(
    snapshot_dir: str | Path, iteration: int, task: Task, optimizer: SGD, memory: MemoryBank, keep: int = 2,
    scaler: torch.amp.GradScaler | None = None,
) -> Path:  # fmt: skip
    """Write the state, then the weights, of a finished iteration, each file atomically; returns the weights' path.

    keep: of how many of the newest snapshots the state stays; the weights stay of all. scaler: that of float16's
    gradients. Raises UserError where a weight is not finite: nobody could go on from there.
    """
    path = Path(snapshot_dir) / f"model-{iteration}.pth"
    weights = {name: getattr(task, name).state_dict() for name in MODELS}
    for named in weights.values():
        check_finite(named, f"iteration {iteration}, no snapshot written")
    state = {"iteration": iteration, "optimizer": optimizer.state_dict()["state"], "memory": memory.state_dict()}
    sums = {"model": tensor_sum(weights), "state": tensor_sum(state)}
    scaled = {"scaler": scaler.state_dict()} if scaler is not None and scaler.is_enabled() else {}
    _write({"format_version": FORMAT_VERSION, "sums": sums, **state, **scaled}, state_path(path))
    _write(weights, path)
    kept = {f"state-{i}.pth" for i in snapshot_iterations(snapshot_dir)[-keep:]}
    for old in path.parent.glob("state-*.pth"):
        if old.name not in kept:
            old.unlink(missing_ok=True)
    return path


def refuse_other_snapshots(train: Config, snapshot_dir: str | Path) -> None:
    """Raise UserError, on every process, where a run would write among the snapshots of another, or of a longer one.

    train: the `train` group of the configuration; with `resume` no snapshot may be of `max_iteration` or a later one.
    """
    found = from_first(lambda: snapshot_iterations(snapshot_dir))
    if found and not train.resume:
        raise UserError(
            f"--snapshot_dir {snapshot_dir}: holds snapshots already; set train.resume: true to go on from the newest, "
            "or name another folder"
        )
    if found and found[-1] >= train.max_iteration:
        raise UserError(
            f"--snapshot_dir {snapshot_dir}: the newest snapshot is of iteration {found[-1]}; set train.max_iteration, "
            f"{train.max_iteration}, to {found[-1] + 1} or more, or name another folder"
        )


def resume_newest(
    snapshot_dir: str | Path, task: Task, optimizer: SGD, memory: MemoryBank, device: torch.device,
    scaler: torch.amp.GradScaler | None = None,
) -> int | None:  # fmt: skip
    """Restore the newest snapshot of a folder; returns the next iteration, or None where there is no snapshot.

    Of several processes the first looks and reads; the others are sent what it has, whatever lies in their folders.
    Raises UserError where a snapshot is broken, lacks its state, or belongs to another network; where the one before it
    is whole, the line says how to go on from there.
    """
    content = from_first(lambda: _read_newest(Path(snapshot_dir), task, optimizer))
    if content is None:
        return None
    for name in MODELS:
        load_into(getattr(task, name), content[name], snapshot_dir, share=False)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": content["optimizer"]})
    memory.load_state_dict(content["memory"])
    memory.to(device)
    if scaler is not None and "scaler" in content:
        scaler.load_state_dict(content["scaler"])
    return content["iteration"] + 1


def _read_newest(folder: Path, task: Task, optimizer: SGD) -> dict[str, Any] | None:
    """What the newest snapshot holds, seen to be whole and to fit; None where there is no snapshot."""
    iterations = snapshot_iterations(folder)
    if not iterations:
        return None
    *older, newest = iterations
    try:
        return _read(folder, newest, task, optimizer)
    except UserError as error:
        whole = next((i for i in reversed(older) if _is_whole(folder, i, task, optimizer)), None)
        if whole is None:
            raise
        newer = ", ".join(f"model-{i}.pth" for i in older[older.index(whole) + 1 :] + [newest])
        way = f"model-{whole}.pth before it is whole: to go on from there, remove {newer} from {folder}"
        raise UserError(f"{error}; {way}") from None


def _is_whole(folder: Path, iteration: int, task: Task, optimizer: SGD) -> bool:
    try:
        _read(folder, iteration, task, optimizer)
    except UserError:
        return False
    return True


def _read(folder: Path, iteration: int, task: Task, optimizer: SGD) -> dict[str, Any]:
    """What a snapshot and its state hold; raises UserError where one is missing, not whole, or of another network."""
    path = folder / f"model-{iteration}.pth"
    beside = state_path(path)
    content = load_file(path)
    if not beside.is_file():
        raise UserError(f"{beside}: not found; {path.name} alone cannot be resumed from, only be network.pretrained")
    state = load_file(beside)
    for name in MODELS:
        load_into(getattr(task, name), content.get(name), path, share=False)
    check_state(state, beside, iteration)
    check_sum({name: content[name] for name in MODELS}, state["sums"]["model"], path)
    check_momentum(optimizer, state["optimizer"], beside)
    check_memory(state["memory"], task, beside)
    return {**{name: content[name] for name in MODELS}, **state}
