"""What a stage is found to be: complete, changed since, half done, or to run."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spml.data.fingerprints import differences, of_prepared
from spml.recipes.records import COMPLETE, STARTED, Known, Record, count_files, read_record, stage_settings
from spml.recipes.stages import Places, Stage

OPAQUE = ("files of ", "content of ", "stage ")  # settings that are fingerprints, which tell a reader nothing
IDLE = "not needed"  # in place of the fingerprint of a stage that was never run and need not be


@dataclass(frozen=True)
class State:
    """What a stage is found to be.

    settings: what its result depends on now; record: as it was run, None: never; changes: lines that say in what the
    two differ; missing: whether outputs are gone since it was complete; stray: an output without a record, or '';
    needed: False where what it is for turned out to be empty, None where that is not known yet.
    """

    settings: dict
    record: Record | None
    changes: list[str]
    missing: bool
    stray: str
    needed: bool | None

    @property
    def complete(self) -> bool:
        """Whether it need not run."""
        return bool(self.record and self.record.state == COMPLETE and not self.changes and not self.missing)

    @property
    def idle(self) -> bool:
        """Whether it was never run and, as far as is known, never need be, so that nothing depends on its settings."""
        return self.record is None and not self.needed

    def word(self) -> str:
        """In a few words, for the list of stages."""
        if self.needed is False:
            return "not needed"
        if self.changes:
            return "changed: " + self.changes[0]
        if self.stray:
            return f"unknown: {self.stray} is there without a record"
        if self.complete:
            return "complete"
        return "to run" if self.record is None or self.missing else "half done"


def find_state(stage: Stage, places: Places, folder: Path, earlier: dict[str, str], known: Known) -> State:
    """A stage as it is found; folder: that of the records; earlier: fingerprints of the stages before it."""
    settings = stage_settings(stage, places, earlier, known)
    needed = _is_needed(stage, places)
    record = read_record(folder, stage.record_name)
    there = [path for path in stage.writes if os.path.exists(places.path(path))]
    if record is not None and record.state == STARTED and stage.writes and not there:
        record = None  # it failed before it wrote anything, so that nothing of other settings is in the way
    if record is None:
        own = there and not stage.always and not stage.shared
        return State(settings, None, [], False, there[0] if own else "", needed)
    missing = record.state == COMPLETE and any(
        count_files(places.path(path)) < record.outputs.get(places.symbolic(path), 1) for path in stage.writes
    )
    changes = _changes(record.settings, settings, places)
    if not missing:
        changes += [
            f"{path} is not what it made, another run made it again" for path in _replaced(stage, places, record)
        ]
    return State(settings, record, changes, missing, "", needed)


def complete_record(stage: Stage, places: Places, settings: dict[str, Any]) -> Record:
    """The record of a stage that has just ended."""
    outputs = {places.symbolic(path): count_files(places.path(path)) for path in stage.writes}
    shared = {places.symbolic(path): of_prepared(places.path(path)) for path in stage.writes if stage.shared}
    return Record(COMPLETE, settings, outputs, shared)


def _is_needed(stage: Stage, places: Places) -> bool | None:
    """Whether there is anything to do for a stage; None where that is not known yet."""
    path = Path(places.path(stage.only_for))
    if not stage.only_for:
        return True
    return path.stat().st_size > 0 if path.is_file() else None


def _changes(old: dict[str, Any], new: dict[str, Any], places: Places) -> list[str]:
    """In what settings differ, those that a reader knows first."""
    plain = ({key: value for key, value in each.items() if not key.startswith(OPAQUE)} for each in (old, new))
    opaque = [key for key in {**old, **new} if key.startswith(OPAQUE) and new.get(key) not in (old.get(key), IDLE)]
    return differences(*plain) + [f"{places.shown(key)} changed" for key in opaque]


def _replaced(stage: Stage, places: Places, record: Record) -> list[str]:
    """Outputs that other runs share, and one of them has made anew since, of other settings."""
    made = {path: record.shared.get(places.symbolic(path)) for path in stage.writes}
    return [path for path, print_ in made.items() if print_ and print_ != of_prepared(places.path(path))]
