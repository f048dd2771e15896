"""One runner at a time on a folder of results."""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from spml.errors import UserError

logger = logging.getLogger(__name__)


class RunLock:
    """A lock file that is held: it says which process runs, and which command of it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def note(self, command: int | None = None) -> None:
        """Write down this process, and the process of the command that it runs now."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"runner": _identity(os.getpid()), "command": command and _identity(command)}, self._file)
        self._file.flush()


@contextmanager
def run_lock(path: Path) -> Iterator[RunLock]:
    """Hold the lock file `path`; raises UserError where another runner does, or a command of a killed one still runs.

    The system drops the lock with the process that holds it, so a killed runner leaves nothing to clean up.
    """
    try:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error})") from None
    with file:
        _take(file, path.parent.parent)
        lock = RunLock(file)
        lock.note()
        yield lock
        lock.note()


def _take(file: TextIO, out: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        runner = _read(file).get("runner") or {}
        pid = runner.get("pid", "?")
        raise UserError(f"{out}: process {pid} runs a recipe there; wait for it or end it") from None
    except OSError as error:
        logger.warning("%s: this file system has no locks (%s); see that no other recipe runs there", out, error)
    command = _read(file).get("command")
    if command and _identity(command["pid"]) == command:
        raise UserError(
            f"{out}: the recipe was killed, but its command still runs as process {command['pid']}; "
            "wait for it or end it"
        )


def _read(file: TextIO) -> dict:
    """What the lock file says, nothing where it is empty or half written."""
    file.seek(0)
    try:
        content = json.load(file)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _identity(pid: int) -> dict[str, int | str] | None:
    """A process's number, and when it started, which tells it from a later one of the same number; None: none runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        stat = []
    if stat:
        return None if stat[0] in "ZX" else {"pid": pid, "started": stat[19]}
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return {"pid": pid, "started": ""}
