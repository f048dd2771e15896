"""How a script ends: its status, and what it says on which stream."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from spml.commands.running import run, show_log
from spml.data.paths import atomic_path
from spml.errors import Interrupted

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def as_before():
    """Leaves the package's logger as it was."""
    logger = logging.getLogger("spml")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


def ends_with(error):
    def main():
        raise error

    with pytest.raises(SystemExit) as end:
        run(main)
    return end.value.code


def test_a_users_mistake_is_one_line_and_status_1():
    code = "from spml.commands.running import run; from spml.errors import UserError\n"
    code += "def main(): raise UserError('a.png: no such image')\nrun(main)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: a.png: no such image\n")


def test_control_c_is_no_traceback(capsys):
    assert ends_with(KeyboardInterrupt()) == 130
    assert ends_with(Interrupted(signal.SIGTERM, "stopped by SIGTERM after iteration 3")) == 143
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert (out, second) == ("", "stopped by SIGTERM after iteration 3")
    assert first == "stopped by SIGINT; every file that was written is whole"


def test_a_mistake_of_ours_is_one_line_that_names_a_file_with_its_traceback():
    line = ends_with(ZeroDivisionError("division\nby zero"))
    assert line.startswith("error: unexpected ZeroDivisionError: division by zero; the traceback for a report")
    log = Path(line.rpartition(": ")[2])
    assert "raise error\nZeroDivisionError: division\nby zero" in log.read_text()
    log.unlink()


def test_a_signal_ends_the_work_in_good_order_and_handlers_are_as_before(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def main():
        with atomic_path(tmp_path / "a.txt") as partial:
            partial.touch()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)

    with pytest.raises(SystemExit) as end:
        run(main)
    assert end.value.code == 143 and not list(tmp_path.iterdir())
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


STUBBORN = """
import os, signal, sys, time
from pathlib import Path
from spml.commands.running import run
from spml.data.paths import atomic_path
def main():
    with atomic_path(Path(sys.argv[1]) / "a.txt") as partial:
        partial.touch()
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            print("cleaning", flush=True)
            time.sleep(60)
run(main)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_and_leaves_no_half_of_a_file(tmp_path, number):
    words = [sys.executable, "-c", STUBBORN, str(tmp_path)]
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs begin without
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=heeding) as script:
        for said in ("ready", "cleaning"):
            assert script.stdout.readline() == said + "\n"
            script.send_signal(number)
            time.sleep(1.1)
        assert script.wait(20) == 128 + number
    assert not list(tmp_path.iterdir())


SPEAK = """
import logging, sys
from pathlib import Path
from spml.commands.running import run
def main():
    logging.getLogger("spml.x").info("words")
    logging.getLogger("spml.x").warning("more words")
    Path(sys.argv[1]).write_text("done")
run(main)
"""


@pytest.mark.parametrize(
    ("streams", "status", "said"),
    [
        (">&-", 0, "warning: more words\n"),
        ("2>&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">/dev/full", 1, "error: standard output: cannot be written ([Errno 28] No space left on device)\n"),
        (">/dev/full 2>/dev/full", 1, ""),
    ],
)
def test_streams_that_are_closed_or_full_are_no_traceback(tmp_path, streams, status, said):
    words = ["bash", "-c", f'exec "$@" {streams}', "bash", sys.executable, "-c", SPEAK, str(tmp_path / "result")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, said)
    assert (tmp_path / "result").exists() == (status == 0)


def test_a_working_directory_that_was_deleted_is_one_line(tmp_path):
    (folder := tmp_path / "gone").mkdir()
    words = ["bash", "-c", 'rmdir "$PWD" && exec "$@"', "bash", sys.executable, "-c", SPEAK, str(tmp_path / "result")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    expected = "error: the working directory: was deleted; change to a folder that is there\n"
    assert (done.returncode, done.stderr) == (1, expected)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but RANK is not set; torchrun starts several processes"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two' in the environment, expected a whole number"),
        ({"WORLD_SIZE": "0", "RANK": "0"}, "WORLD_SIZE is 0, expected at least 1"),
        ({"WORLD_SIZE": "2", "RANK": "1"}, "WORLD_SIZE is 2, but MASTER_ADDR is not set"),
        ({"RANK": "-1"}, "RANK is '-1' in the environment"),
        ({"RANK": "9" * 5000}, "expected a whole number"),
        ({"RANK": "3"}, "RANK is 3 and WORLD_SIZE 1"),
        ({"LOCAL_RANK": "a"}, "LOCAL_RANK is 'a'"),
    ],
)
def test_what_a_launcher_cannot_have_said_is_one_line(monkeypatch, variables, words):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        run(lambda: None)
    assert words in end.value.code and "\n" not in end.value.code


def test_empty_words_of_a_launcher_say_nothing(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.setenv(name, "")
    run(lambda: None)


def test_information_goes_to_stdout_and_warnings_to_stderr(capsys):
    def main():
        logging.getLogger("spml.any.module").info("resuming at iteration %d", 7)
        logging.getLogger("spml.any.module").warning("no unlabelled pixel")

    run(main)
    run(main)
    assert capsys.readouterr() == (2 * "resuming at iteration 7\n", 2 * "warning: no unlabelled pixel\n")


def test_only_the_first_process_shows_them(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    show_log()
    logging.getLogger("spml.any.module").info("once")
    logging.getLogger("spml.any.module").warning("once")
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_goes_away_ends_the_script_quietly():
    code = "from spml.commands.running import run; run(lambda: [print(i) for i in range(100000)])"
    script = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    script.stdout.readline()
    script.stdout.close()
    assert script.stderr.read() == b"" and script.wait() == 141


IMPORTING = """
import os, runpy, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[2]:
            os.kill(os.getpid(), int(sys.argv[3]))
sys.meta_path.insert(0, Finder())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize("script, module", [
    ("pyscripts/train/train.py", "torch"), ("spml/recipes/__main__.py", "numpy"), ("spml/recipes/__main__.py", "yaml"),
])  # fmt: skip
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_script_imports_is_no_traceback(script, module, number):
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    words = [sys.executable, "-c", IMPORTING, script, module, str(int(number))]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, preexec_fn=heeding)
    expected = f"stopped by {number.name}; every file that was written is whole\n"
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", expected)


def test_words_stand_in_lines_of_their_own_beside_a_bar():
    code = """
import logging
from tqdm import tqdm
from spml.commands.running import run
def main():
    for _ in tqdm(range(3), desc="bar", mininterval=0):
        logging.getLogger("spml").warning("a word")
run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert [line for line in re.split(r"[\r\n]+", done.stderr) if "word" in line] == ["warning: a word"] * 3
