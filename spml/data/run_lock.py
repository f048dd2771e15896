"""One process at a time on a folder of results: a lock file that says which one, on which machine."""

import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from spml.data.identity import identity
from spml.data.paths import make_dir
from spml.errors import UserError

logger = logging.getLogger(__name__)

ORPHANS = 10.0  # seconds that the workers of a killed process get to notice it; until then they share its lock


class RunLock:
    """A lock file that is held: it says which process runs, and which command of it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def note(self, command: int | None = None) -> None:
        """Write down this process, and the process of the command that it runs now."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"runner": identity(os.getpid()), "command": command and identity(command)}, self._file)
        self._file.flush()


@contextmanager
def run_lock(path: Path, folder: Path, doing: str) -> Iterator[RunLock]:
    """Hold the lock file `path` while this process is `doing` something in `folder`; both are made where missing.

    Raises UserError, with process and machine, where another one does it, or a command of a killed one still runs. The
    system drops the lock with the process that holds it, so a killed one leaves nothing to clean up. At the end the
    file goes, and folders that were made for it and stayed empty.
    """
    made = [above for above in (path.parent, *path.parent.parents) if not os.path.exists(above)]
    with _open_locked(path, folder, doing) as file:
        try:
            lock = RunLock(file)
            try:
                lock.note()
            except OSError as error:
                raise UserError(f"{path}: cannot be written ({error})") from None
            yield lock
        finally:
            with suppress(OSError):  # a disk that has become read-only, a folder that holds results
                path.unlink(missing_ok=True)
                for empty in made:
                    empty.rmdir()


def _open_locked(path: Path, folder: Path, doing: str) -> TextIO:
    end = time.monotonic() + ORPHANS
    while True:
        make_dir(path.parent)
        try:
            file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            if isinstance(error, FileNotFoundError) and time.monotonic() < end:
                continue  # the one before has just removed the folder that it had made
            raise UserError(f"{path}: cannot be written ({error})") from None
        try:
            if _take(file, folder, doing, last=time.monotonic() > end) and _lies_at(file, path):
                return file
        except UserError:
            file.close()
            raise
        file.close()
        time.sleep(0.05)


def _take(file: TextIO, folder: Path, doing: str, last: bool) -> bool:
    """Whether the lock is taken; not yet where only the workers of a process that was killed hold it, unless `last`."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _noted(file, "runner")
        pid, host = holder.get("pid", "?"), holder.get("host", "?")
        if not last and host == socket.gethostname() and identity(pid) != holder:
            return False
        raise UserError(f"{folder}: process {pid} on {host} {doing} there; wait for it or end it") from None
    except OSError as error:
        logger.warning(
            "%s: this file system has no locks (%s); see that no other process %s there", folder, error, doing
        )
    command = _noted(file, "command")
    if command and identity(command["pid"]) == command:
        raise UserError(
            f"{folder}: the one that {doing} there was killed, but its command still runs as process "
            f"{command['pid']}; wait for it or end it"
        )
    return True


def _lies_at(file: TextIO, path: Path) -> bool:
    """Whether the file is still the one of that name: whoever held it before removes it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _noted(file: TextIO, what: str) -> dict:
    """The identity that the lock file gives for `what`; nothing where it is empty, half written or another file."""
    file.seek(0)
    try:
        content = json.load(file)
    except (ValueError, RecursionError):
        return {}
    found = content.get(what) if isinstance(content, dict) else None
    return found if isinstance(found, dict) and isinstance(found.get("pid"), int) else {}
