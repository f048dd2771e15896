"""One process at a time on a folder: who holds the lock is said, those of dead processes are taken over."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from spml.data import run_lock as module
from spml.data.identity import identity
from spml.data.run_lock import run_lock
from spml.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import os, sys, time
from pathlib import Path
from spml.data.run_lock import run_lock
folder = Path(sys.argv[1])
with run_lock(folder / ".lock", folder, "trains"):
    if sys.argv[2] == "worker" and not os.fork():
        time.sleep(1)  # what a loader worker needs to see that it is alone
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds the lock of a folder, with or without a worker that shares it."""
    started = []

    def start(kind="alone"):
        words = [sys.executable, "-c", HOLD, str(tmp_path / "run"), kind]
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def take(folder):
    with run_lock(folder / ".lock", folder, "trains"):
        return json.loads((folder / ".lock").read_text())["runner"]


def test_the_second_one_is_told_process_and_host_of_the_first(holder, tmp_path):
    first = holder()
    with pytest.raises(UserError) as error:
        take(tmp_path / "run")
    expected = f"{tmp_path}/run: process {first.pid} on {socket.gethostname()} trains there; wait for it or end it"
    assert str(error.value) == expected


@pytest.mark.parametrize("kind", ["alone", "worker"])
def test_the_lock_of_a_killed_process_is_taken_over(holder, tmp_path, kind):
    first = holder(kind)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert (tmp_path / "run/.lock").exists()
    assert take(tmp_path / "run") == identity(os.getpid())


def test_a_holder_on_another_host_is_named_without_waiting(holder, tmp_path, monkeypatch):
    holder()
    monkeypatch.setattr(module.socket, "gethostname", lambda: "elsewhere")
    with pytest.raises(UserError, match=f"on {os.uname().nodename} trains there"):
        take(tmp_path / "run")


def test_nothing_is_left_of_a_lock_but_the_results(tmp_path):
    take(tmp_path / "a/b")
    assert not (tmp_path / "a").exists()
    with run_lock(tmp_path / "a/b/.lock", tmp_path / "a/b", "trains"):
        (tmp_path / "a/b/model-1.pth").touch()
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["model-1.pth"]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"runner": 3, "command": [4]}', '{"command": {"pid": "x"}}'])
def test_a_lock_file_of_other_content_hinders_nobody(tmp_path, content):
    (tmp_path / ".lock").write_text(content)
    take(tmp_path)


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / ("x" * 300)):
        with pytest.raises(UserError) as error:
            take(folder)
        assert str(folder) in str(error.value) and "\n" not in str(error.value)
