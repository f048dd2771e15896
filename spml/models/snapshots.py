"""Where snapshots lie; without torch, so that a run can look at its flags before it loads that."""

import re
from pathlib import Path

from spml.errors import UserError


def snapshot_iterations(snapshot_dir: str | Path) -> list[int]:
    """Iterations of the snapshots model-{iteration}.pth in a folder, oldest first."""
    matches = (re.fullmatch(r"model-(\d+)\.pth", path.name) for path in Path(snapshot_dir).glob("model-*.pth"))
    return sorted(int(match[1]) for match in matches if match)


def state_path(snapshot: str | Path) -> Path:
    """Where the state of a snapshot model-{iteration}.pth lies: state-{iteration}.pth beside it."""
    path = Path(snapshot)
    return path.with_name(re.sub(r"^model(?=-\d+\.pth$)", "state", path.name))


def newest_snapshot(snapshot_dir: str | Path) -> Path:
    """The newest model-{iteration}.pth of a folder; raises UserError where there is none."""
    iterations = snapshot_iterations(snapshot_dir)
    if not iterations:
        raise UserError(f"{snapshot_dir}: holds no snapshot model-{{iteration}}.pth")
    return Path(snapshot_dir) / f"model-{iterations[-1]}.pth"


def snapshot_path(snapshot_dir: str | Path, iteration: int) -> Path:
    """SNAPSHOT_DIR/model-{iteration}.pth; raises UserError that lists the snapshots there are."""
    path = Path(snapshot_dir) / f"model-{iteration}.pth"
    if not path.is_file():
        present = [f"model-{iteration}.pth" for iteration in snapshot_iterations(snapshot_dir)]
        there = f"there are {', '.join(present)}" if present else "there is no model-*.pth"
        raise UserError(f"{path}: no such snapshot (model-{{train.max_iteration - 1}}.pth is expected); {there}")
    return path
