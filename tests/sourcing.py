"""Sourcing a recipe as a user does, in miniature."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ROOT / "bashscripts"
SMALL = {
    "MAKE_TOY": "--num_train 4 --num_val 2 --image_size 64 --workers 0",
    "OPTS": "train.max_iteration 2 train.snapshot_step 1 train.batch_size 2 train.crop_size [64,64] "
    "test.crop_size [64,64] test.stride [64,64] network.kmeans_iterations 2",
}


def shell(command, folder, shell="bash", **variables):
    """Run a command in a fresh shell, in a process group of its own; returns the finished process."""
    environment = {**os.environ, "SPML_PYTHON": sys.executable, "OUT": str(folder / "out"), **variables}
    return subprocess.run(
        [shell, "-c", command], env=environment, cwd=folder, capture_output=True, text=True, start_new_session=True
    )
