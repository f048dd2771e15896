"""Scripts in forks of one process that has torch loaded: started, signalled, waited for; none pays for its imports.

Run as a script it is that process: a request a line on stdin, an answer a line on stdout.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from script_end import end_with

ROOT = Path(__file__).resolve().parent.parent
LOADED = ("torch.utils.data", "torch.utils.tensorboard.summary", "torchvision", "cv2", "PIL.Image", "tqdm", "yaml")


class Script:
    """A script that was started: its words, its process, its end."""

    def __init__(self, trunk, pid, words):
        self.trunk, self.pid, self._words = trunk, pid, words

    def signal(self, number, group=False):
        (os.killpg if group else os.kill)(self.pid, number)

    def wait(self, seconds=240):
        """The exit status, or minus the signal; kills the script and fails where it does not end in time."""
        end = time.monotonic() + seconds
        while (status := self.trunk.ask(wait=self.pid)) is None:
            if time.monotonic() > end:
                with contextlib.suppress(ProcessLookupError):
                    self.signal(signal.SIGKILL, group=True)
                raise AssertionError(f"runs after {seconds} s: {self.stdout} {self.stderr}")
            time.sleep(0.02)
        return status

    @property
    def stdout(self):
        return Path(self._words["stdout"]).read_text(errors="replace")

    @property
    def stderr(self):
        return Path(self._words["stderr"]).read_text(errors="replace")

    @property
    def last_line(self):
        """The last line on stderr, without the bar that stands before it in the line."""
        return self.stderr.rstrip().splitlines()[-1].rpartition("\r")[2]


class Trunk:
    """The process with torch loaded, as seen from the tests."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs begin without
        self.process = subprocess.Popen([sys.executable, __file__], env=environment, preexec_fn=heeding, **pipes)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, words, prepare="", **environment):
        """Start `SCRIPT FLAGS...` in a session of its own; prepare: Python that runs in it beforehand."""
        self.count += 1
        files = {name: str(self.folder / f"{self.count}.{name}") for name in ("stdout", "stderr")}
        for name in files.values():
            Path(name).touch()
        words = [str(word) for word in words]
        return Script(self, self.ask(start=words, prepare=prepare, environment=environment, **files), files)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def wait_until(condition, seconds=120):
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def group_members(pid):
    """The processes that run in the session of a script."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == pid and fields[0] not in "ZX":
                found.append(int(stat.parent.name))
    return found


def serve(request):
    """What `python SCRIPT FLAGS...` does at the project's root."""
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(request[name], os.O_WRONLY), number)
    os.chdir(ROOT)
    os.environ.update(request["environment"])
    exec(request["prepare"], {})
    sys.argv = request["start"]
    sys.path[0] = os.path.dirname(sys.argv[0])
    runpy.run_path(sys.argv[0], run_name="__main__")


def answer(request):
    """The number of the process that was started, or the status of one that has ended."""
    if "start" in request:
        return os.fork() or end_with(partial(serve, request))
    pid, status = os.waitpid(request["wait"], os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


if __name__ == "__main__":
    for module in LOADED:
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(f"{json.dumps(answer(json.loads(line)))}\n")
        answers.flush()
