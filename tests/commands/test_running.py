"""How a script ends: its status, and what it says on which stream."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from spml.commands.running import run, show_log

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
    assert capsys.readouterr() == ("", "")


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)


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
