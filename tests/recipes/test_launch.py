"""Running the commands of a stage, alone and by the launcher of several processes."""

import io
import os
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from spml.recipes.launch import AgentFilter, execute, shown

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]

AGENT = b"""
*****************************************
Setting OMP_NUM_THREADS environment variable for each process to be 1 in default, to avoid ...
*****************************************
"""
FAILURE = b"""E1124 16:28:05.031000 22759 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1)
Traceback (most recent call last):
  File "<frozen runpy>", line 198, in _run_module_as_main
    main()
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
"""
BARS = b"\rtrain:  10%\rtrain:  20%\rtrain: 100%\n"
CRASH = b'Traceback (most recent call last):\n  File "train.py", line 4, in <module>\nRuntimeError: boom\n'


def filtered(text, failed=True, step=1):
    target = io.BytesIO()
    words = AgentFilter(target)
    for start in range(0, len(text), step):
        words.feed(text[start : start + step])
    words.close(failed)
    return target.getvalue()


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_the_launchers_words_are_held_back_and_an_error_of_all_processes_is_shown_once(step):
    error = b"error: train.batch_size is 0, expected 1\n"
    assert filtered(AGENT + BARS + error + error + FAILURE, step=step) == b"\n" + BARS + error


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_a_scripts_own_traceback_is_shown_and_the_launchers_is_not(step):
    assert filtered(AGENT + CRASH + FAILURE, step=step) == b"\n" + CRASH


def test_where_no_script_said_why_it_failed_the_launchers_words_are_shown():
    assert filtered(BARS + FAILURE) == BARS + FAILURE
    assert filtered(BARS + AGENT, failed=False) == BARS + b"\n"


def test_a_progress_bar_is_shown_before_its_line_ends():
    target = io.BytesIO()
    AgentFilter(target).feed(b"\rtrain:  10%")
    assert target.getvalue() == b"\rtrain:  10%"


def test_a_command_is_shown_so_that_it_can_be_typed(tmp_path):
    arguments = ["pyscripts/train/train.py", "--data_dir", "/a b/it's #1: x", "--opts", "network.pretrained", ""]
    words = shlex.split(shown(arguments, str(tmp_path)))
    assert words == [sys.executable, *arguments]


def test_a_launched_command_that_fails_ends_with_its_own_error_line_and_the_launchers_status(tmp_path, capfdbinary):
    (tmp_path / "script.py").write_text("import sys\nsys.stderr.write('error: seen\\n')\nsys.exit(1)\n")
    processes = []
    arguments = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "script.py"]
    assert execute(arguments, str(tmp_path), processes.append) == 1
    assert capfdbinary.readouterr().err.split() == [b"error:", b"seen"] and len(processes) == 1


def test_a_killed_command_gives_the_status_that_a_shell_gives(tmp_path):
    arguments = ["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    assert execute(arguments, str(tmp_path), lambda pid: None) == 137


RUNNER = """
from spml.commands.running import run
from spml.recipes.launch import execute
command = "import time; print('begun', flush=True); time.sleep(60)"
run(lambda: execute(["-c", command], ".", lambda pid: print(pid, flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_runner_ends_its_command_too(number):
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs begin without
    words = [sys.executable, "-c", RUNNER]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=heeding) as runner:
        command = int(runner.stdout.readline())
        assert runner.stdout.readline() == "begun\n"
        runner.send_signal(number)
        assert runner.wait(20) == 128 + number
    assert not os.path.exists(f"/proc/{command}")
