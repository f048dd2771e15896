"""Running one command of a stage: alone, or in several processes without the launcher's own words."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import BinaryIO

# What torch.distributed.run says of itself; its own traceback, always last, begins in runpy.
_AGENT = re.compile(rb"[WEIC]\d{4} [\d:.]+ +\d+ \S*torch/distributed/|W\d{4} .*\*{20}|\*{20}|Setting OMP_NUM_THREADS")
_MAY_BE_AGENT = re.compile(rb"[WEIC](\d|$)|\*|Setting OMP|Traceback")
_TRACEBACK = b"Traceback (most recent call last):"

Execute = Callable[[list[str], str, Callable[[int], None]], int]


def execute(arguments: list[str], folder: str, started: Callable[[int], None]) -> int:
    """Run the project's interpreter with these arguments in a folder; returns the exit status.

    started: is told the process's number.
    """
    launched = arguments[:2] == ["-m", "torch.distributed.run"]
    stderr = subprocess.PIPE if launched else None
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stderr=stderr, env=_environment() if launched else None
    ) as process:
        started(process.pid)
        words = AgentFilter(sys.stderr.buffer)
        try:
            if process.stderr is not None:
                while chunk := os.read(process.stderr.fileno(), 1 << 16):
                    words.feed(chunk)
            status = process.wait()
        except KeyboardInterrupt as stop:
            # Of Ctrl-C the terminal tells a launcher too, which at a second signal would not wait for its processes.
            if not launched or getattr(stop, "signal", signal.SIGINT) != signal.SIGINT:
                process.terminate()
            process.wait()
            raise
        words.close(failed=status != 0)
    return status if status >= 0 else 128 - status


def _environment() -> dict[str, str]:
    """The environment, with the terminal's size for progress bars that reach it through a pipe."""
    size = shutil.get_terminal_size()
    known = {"COLUMNS": str(size.columns), "LINES": str(size.lines)} if sys.stderr.isatty() else {}
    return {**os.environ, **known}


def shown(arguments: list[str], root: str) -> str:
    """A command as one could type it at the project's root."""
    python = sys.executable
    if python.startswith(root.rstrip("/") + "/"):
        python = os.path.relpath(python, root)
    return shlex.join([python, *arguments])


class AgentFilter:
    """Passes on what commands write, at once, and holds back the launcher's own lines and repeated errors.

    What was held back is shown at the end where the command failed without a line or traceback of its own.
    """

    def __init__(self, target: BinaryIO) -> None:
        self.target = target
        self.rest, self.held = b"", b""
        self.errors: set[bytes] = set()
        self.traceback = self.ending = self.passing = self.explained = False

    def feed(self, chunk: bytes) -> None:
        """Take what the command wrote."""
        *lines, self.rest = re.split(rb"(?<=[\r\n])", self.rest + chunk)
        for line in lines:
            self._line(line)
        if self.rest and not self.traceback and not self.ending and not self._may_be_held(self.rest):
            self._pass(self.rest)
            self.rest, self.passing = b"", True

    def close(self, failed: bool) -> None:
        """Show what is left, and where nothing said why the command failed, what was held back."""
        if self.rest:
            self._line(self.rest)
        if self.traceback:
            self._pass(_TRACEBACK + b"\n")
        if failed and not self.explained and self.held:
            self._pass(self.held)

    def _may_be_held(self, start: bytes) -> bool:
        """Whether a line that begins so could be held back; what continues a line that is shown is not."""
        early = any(word.startswith(start) for word in (_TRACEBACK, b"error: ", b"Setting OMP"))
        return not self.passing and bool(early or _MAY_BE_AGENT.match(start) or start.startswith(b"error: "))

    def _line(self, line: bytes) -> None:
        if self.passing:
            self._pass(line)
            self.passing = False
        elif self.ending or _AGENT.match(line):
            self.held += line
        elif self.traceback:
            self._after_traceback(line)
        elif line.rstrip() == _TRACEBACK:
            self.traceback = True
        elif line.startswith(b"error: "):
            self._error(line)
        else:
            self._pass(line)

    def _after_traceback(self, line: bytes) -> None:
        """The line that tells the launcher's traceback from a script's."""
        self.traceback, self.ending = False, b"runpy" in line
        if self.ending:
            self.held += _TRACEBACK + b"\n" + line
        else:
            self.explained = True
            self._pass(_TRACEBACK + b"\n" + line)

    def _error(self, line: bytes) -> None:
        """Each process may say the same; it is shown once."""
        self.explained = True
        if line not in self.errors:
            self.errors.add(line)
            self._pass(line)

    def _pass(self, text: bytes) -> None:
        self.target.write(text)
        self.target.flush()
