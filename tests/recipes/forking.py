"""Recipes and scripts in forks of one process that has torch loaded, so that none pays for the start of another Python.

Run as a script it is that process: a request a line on stdin, the exit status of the fork on stdout.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from script_end import end_with

ROOT = Path(__file__).resolve().parents[2]
LOADED = (
    *("torch.utils.data", "torch.nn.parallel", "torch.utils.tensorboard", "torchvision", "pydensecrf.densecrf", "cv2"),
    *("PIL.Image", "scipy.ndimage", "scipy.io", "scipy.sparse.linalg", "skimage.segmentation", "tqdm", "yaml"),
    *("easydict", "concurrent.futures.process"),
)


@dataclass(frozen=True)
class Finished:
    """How a fork ended: a negative status is the signal that killed it."""

    returncode: int
    stdout: str
    stderr: str

    def __str__(self):
        return f"status {self.returncode}\n{self.stdout}\n{self.stderr}"


class Forge:
    """The process with torch loaded, as seen from the tests."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
            "OMP_NUM_THREADS": "1",
        }
        for name in ("RANK", "WORLD_SIZE", "OUT", "DATA", "DATAROOT", "LISTS", "CAMS", "OPTS", "FROM", "TO", "FORCE"):
            environment.pop(name, None)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([sys.executable, __file__], env=environment, **pipes)

    def run(self, arguments, marks="", **environment):
        """Run `dataset kind` of a recipe, or a script with its flags; marks: folder in which deaths are noted."""
        self.count += 1
        words = {name: str(self.folder / f"{self.count}.{name}") for name in ("stdout", "stderr")}
        request = {"arguments": arguments, "marks": str(marks), "environment": environment, **words}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        return Finished(status, *(Path(words[name]).read_text() for name in ("stdout", "stderr")))

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Deaths:
    """SIGKILL for the whole process group, once in the life of each command.

    When its second file is half written or, where it writes fewer, at its end.
    """

    def __init__(self, folder, arguments):
        self.mark = os.path.join(folder, sha256(repr(arguments).encode()).hexdigest())
        self.written, self.replace = 0, os.replace
        os.replace = self.count

    def die_once(self):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            os.killpg(0, signal.SIGKILL)

    def count(self, source, target):
        self.written += 1
        if self.written == 2:
            content = Path(source).read_bytes()
            Path(source).write_bytes(content[: len(content) // 2])
            self.die_once()
            Path(source).write_bytes(content)
        self.replace(source, target)


def fork(function):
    """Call a function in a fork; returns its process number."""
    return os.fork() or end_with(function)


def wait(process):
    """The exit status of a fork."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def run_script(arguments, folder, marks):
    """What `python SCRIPT FLAGS...` does in a folder."""
    os.chdir(folder)
    sys.argv = list(arguments)
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    deaths = Deaths(marks, arguments) if marks else None
    runpy.run_path(arguments[0], run_name="__main__")
    if deaths:
        deaths.die_once()


def serve(request):
    """Run what a request names, in a process group of its own, its words in files."""
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT, 0o644), number)
    os.environ.update(request["environment"])
    arguments, marks = request["arguments"], request["marks"]
    if arguments[0].endswith(".py"):
        run_script(arguments, ROOT, marks)
        return
    from spml.commands.running import run
    from spml.recipes import launch
    from spml.recipes.command import run_recipe

    def execute(words, folder, started):
        if words[0] == "-m":
            return launch.execute(words, folder, started)
        process = fork(lambda: run_script(words, folder, marks))
        started(process)
        return wait(process)

    run(lambda: run_recipe(arguments, execute))


if __name__ == "__main__":
    for module in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(f"{wait(fork(partial(serve, json.loads(line))))}\n")
        answers.flush()
