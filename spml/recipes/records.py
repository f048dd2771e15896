"""What OUT/.stages remembers of each stage: with which settings it was run, and whether it ended."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spml.config import flat, load_config
from spml.data.files import write_text
from spml.errors import UserError
from spml.recipes.outside import ABSENT, Input, PathInput
from spml.recipes.stages import Command, Places, Stage

COMPLETE, STARTED = "complete", "started"


@dataclass(frozen=True)
class Record:
    """One stage as it was run.

    state: STARTED or COMPLETE; settings: all that its result depends on, flat; outputs: the number of files of each
    output when it was complete; shared: fingerprints of the outputs that runs with another OUT write too.
    """

    state: str
    settings: dict[str, Any]
    outputs: dict[str, int]
    shared: dict[str, str] = field(default_factory=dict)


def read_record(folder: Path, name: str) -> Record | None:
    """The record of a stage, None where there is none; raises UserError where it is broken."""
    path = folder / f"{name}.json"
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        if record.state not in (STARTED, COMPLETE) or not isinstance(record.settings, dict):
            raise ValueError("no state and settings")
        if not all(type(count) is int for count in record.outputs.values()):
            raise ValueError("no numbers of files")
        if not all(type(text) is str for text in record.shared.values()):
            raise ValueError("no fingerprints")
        return record
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: not a record of a stage ({error}); FORCE={name} runs the stage again") from None


def write_record(folder: Path, name: str, record: Record) -> None:
    """Write the record of a stage atomically."""
    write_text(folder / f"{name}.json", json.dumps(asdict(record), indent=1) + "\n")


def count_files(path: str) -> int:
    """The number of visible files below a folder, 1 for a file, 0 where there is neither."""
    if os.path.isfile(path):
        return 1
    names = (name for _, _, files in os.walk(path) for name in files)
    return sum(not name.startswith(".") for name in names)


@dataclass(frozen=True)
class Known:
    """What was looked at already in this run: fingerprints of inputs by path, configurations by file and keys."""

    inputs: dict[str, str] = field(default_factory=dict)
    configs: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = field(default_factory=dict)

    def forget(self) -> None:
        """Look at everything anew: a command may have changed it, or the user meanwhile."""
        self.inputs.clear()
        self.configs.clear()

    def fingerprint(self, source: Input, places: Places) -> str:
        """The fingerprint of an input."""
        if source.path not in self.inputs:
            self.inputs[source.path] = source.fingerprint(places.root)
        return self.inputs[source.path]

    def config(self, command: Command, places: Places) -> dict[str, Any]:
        """The merged configuration of a command by dotted keys."""
        place = (command.config or "", command.keys)
        if place not in self.configs:
            self.configs[place] = flat(load_config(places.path(place[0]), command.keys))
        return self.configs[place]


def stage_settings(stage: Stage, places: Places, earlier: dict[str, str], known: Known) -> dict[str, Any]:
    """All that a stage's result depends on; earlier: fingerprints of the stages before.

    Raises UserError for a configuration that cannot be.
    """
    settings: dict[str, Any] = {}
    for command in stage.commands:
        settings |= _command_settings(command, places, known)
    settings |= {f"stage {name}": earlier[name] for name in stage.after}
    inputs = {places.symbolic(source.path): known.fingerprint(source, places) for source in stage.reads}
    return settings | {f"files of {path}": value for path, value in inputs.items() if value != ABSENT}


def _command_settings(command: Command, places: Places, known: Known) -> dict[str, Any]:
    settings: dict[str, Any] = {command.name: True}
    for flag, values in _by_flag(command.flags).items():
        settings[f"{command.name} {flag}"] = " ".join(places.symbolic(value) for value in values)
    if command.config:
        settings |= _config_settings(command, places, known)
    if command.per_process:
        settings["NPROC"] = command.processes
    return settings


def _by_flag(flags: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each flag, without those that change no result."""
    found: dict[str, list[str]] = {}
    for word in flags:
        if word.startswith("--"):
            values = found.setdefault(word, [])
        else:
            values.append(word)
    return {flag: values for flag, values in found.items() if flag not in ("--workers", "--skip_existing")}


def _config_settings(command: Command, places: Places, known: Known) -> dict[str, Any]:
    """The merged configuration by dotted keys, and the content of weights from outside that training starts from."""
    config = known.config(command, places)
    backbone = config["network.pretrained"]
    counted = {key: _symbolic(value, places) for key, value in config.items() if not _is_ignored(key, command)}
    if command.trains and backbone and not places.symbolic(backbone).startswith("$OUT/"):
        found = known.fingerprint(PathInput(backbone), places)
        counted |= {f"content of {places.symbolic(backbone)}": found} if found != ABSENT else {}
    return counted


def _is_ignored(key: str, command: Command) -> bool:
    return any(key.startswith(group) if group.endswith(".") else key == group for group in command.ignores)


def _symbolic(value: Any, places: Places) -> Any:
    return places.symbolic(value) if isinstance(value, str) else value
