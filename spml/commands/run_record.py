"""What decided a folder's results, kept beside them: results of other settings never pass for those of this run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spml.config import Config, flat
from spml.data import fingerprints
from spml.data.files import write_text
from spml.data.whole_files import is_whole
from spml.errors import UserError, first_of

RECORD_NAME = "run.json"
WAY_OUT = "run without --skip_existing to make all results anew, or name another --save_dir"

_TRAINING_KEYS_THAT_COUNT = ("train.max_iteration",)
_KEYS_WITHOUT_A_SAY = (
    "num_threads",
    "network.pretrained",
    "dataset.data_dir",
    "dataset.train_data_list",
    "dataset.val_data_list",
    "dataset.test_data_list",
    "dataset.tags_file",
    "dataset.color_map_path",
)


def configuration_values(config: Config) -> dict[str, Any]:
    """The configuration's keys that decide results at inference, dotted; paths are not among them."""
    return {
        key: value
        for key, value in flat(config).items()
        if key not in _KEYS_WITHOUT_A_SAY and (not key.startswith("train.") or key in _TRAINING_KEYS_THAT_COUNT)
    }


@dataclass(frozen=True)
class RunRecord:
    """SAVE_DIR/run.json, and what a run would write there.

    values: what decides its results, as a flat dict of plain data; keep: whether results that are there shall stay
    (--skip_existing).
    """

    save_dir: Path
    values: dict[str, Any]
    keep: bool

    @property
    def path(self) -> Path:
        """Where the record lies."""
        return self.save_dir / RECORD_NAME

    def compare(self) -> None:
        """Raise UserError where the results that are there were made otherwise, or where nothing says how."""
        if not self.path.is_file():
            raise UserError(f"--skip_existing: {self.path} is missing, which says how results were made; {WAY_OUT}")
        try:
            old = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"--skip_existing: {self.path} cannot be read ({error}); {WAY_OUT}") from None
        if not isinstance(old, dict):
            raise UserError(f"--skip_existing: {self.path} is no record of a run; {WAY_OUT}")
        changed = fingerprints.differences(old, json.loads(json.dumps(self.values)))
        if changed:
            raise UserError(f"--skip_existing: {self.save_dir} is of another run: {first_of(changed)}; {WAY_OUT}")

    def kept(self, results: Mapping[str, list[Path]]) -> set[str]:
        """The ids of those results, given by their paths, that are all there and stay; `compare` comes first."""
        there = {name: paths for name, paths in results.items() if all(path.is_file() for path in paths)}
        if self.keep and (there or self.path.is_file()):
            self.compare()
        return {name for name, paths in there.items() if self.holds(paths)}

    def holds(self, results: list[Path]) -> bool:
        """Whether these results stay: none that are older than the record, which a run that was killed leaves.

        Nor such as are cut short.
        """
        if not self.keep or not self.path.is_file():
            return False
        if min(path.stat().st_mtime_ns for path in results) < self.path.stat().st_mtime_ns:
            return False
        return all(is_whole(path) for path in results)

    def begin(self) -> None:
        """Write the record, unless results stay that belong to the one that is there."""
        if not (self.keep and self.path.is_file()):
            write_text(self.path, json.dumps(self.values, indent=1) + "\n")
