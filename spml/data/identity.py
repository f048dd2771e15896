"""Whether a process of this machine runs, and which one it is."""

import os
import socket
from pathlib import Path


def identity(pid: int) -> dict[str, int | str] | None:
    """A process of this machine: number, host, and when it started, which tells it from a later one of that number.

    None where none runs, or one has ended that nobody has waited for yet.
    """
    found: dict[str, int | str] = {"pid": pid, "host": socket.gethostname(), "started": ""}
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        stat = []
    if stat:
        return None if stat[0] in "ZX" else {**found, "started": stat[19]}
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:
        pass  # another user's
    return found
