"""Sourcing a recipe as a user does, in miniature."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "bashscripts"
SMALL = {
    "MAKE_TOY": "--num_train 6 --num_val 3 --workers 0",
    "OPTS": "train.max_iteration 2 train.snapshot_step 1 train.batch_size 4",
}


def bash(command, folder, **variables):
    """Run a command in a fresh bash, in a process group of its own; returns the finished process."""
    environment = {**os.environ, "SPML_PYTHON": sys.executable, "OUT": str(folder / "out"), **variables}
    return subprocess.run(
        ["bash", "-c", command], env=environment, cwd=folder, capture_output=True, text=True, start_new_session=True
    )


def source_toy(recipe, folder, command="", **variables):
    """Source a toy recipe on a small toy set; `command`: what to run instead of just that."""
    data = folder / ("parts" if recipe == "parts" else "scenes")
    command = command or f"source {RECIPES}/toy/train_spml_{recipe}.sh"
    return bash(command, folder, **{**SMALL, "DATA": str(data), **variables})
