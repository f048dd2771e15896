"""Where snapshots lie."""

from pathlib import Path

from spml.errors import UserError


def snapshot_path(snapshot_dir, iteration):
    """SNAPSHOT_DIR/model-{iteration}.pth; raises UserError that lists the snapshots there are."""
    path = Path(snapshot_dir) / f"model-{iteration}.pth"
    if not path.is_file():
        present = sorted(p.name for p in Path(snapshot_dir).glob("model-*.pth"))
        there = f"there are {', '.join(present)}" if present else "there is no model-*.pth"
        raise UserError(f"{path}: no such snapshot (model-{{train.max_iteration - 1}}.pth is expected); {there}")
    return path
