"""One function over many items in several processes: order, mistakes, none at all."""

import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from spml.commands.pool import default_workers, map_files
from spml.errors import UserError


def square(x):
    return x * x, os.getpid()


def fail_at_three(x):
    if x == 3:
        raise UserError("3.png: no such image")
    return x


@pytest.mark.parametrize("workers", [0, 1, 2, None])
def test_results_come_in_the_order_of_the_items(workers):
    assert [result for result, _ in map_files(square, range(40), workers)] == [x * x for x in range(40)]


def test_work_is_shared_by_processes_or_done_in_this_one():
    assert {pid for _, pid in map_files(square, range(8), 0)} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in map_files(square, range(8), 2)}


@pytest.mark.parametrize(("level", "shown"), [(logging.WARNING, False), (logging.INFO, True)])
def test_the_bar_is_information_and_goes_where_that_goes(capsys, caplog, level, shown):
    caplog.set_level(level, "spml")
    assert list(map_files(abs, range(3), 0, "counting")) == [0, 1, 2]
    assert ("counting" in capsys.readouterr().err) == shown


def test_no_items_give_no_results():
    assert list(map_files(square, [], 2)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_a_users_mistake_leaves_a_worker_as_the_one_line_it_is(workers):
    with pytest.raises(UserError, match=r"^3\.png: no such image$"):
        list(map_files(fail_at_three, range(40), workers))


def end_abruptly(x):
    os._exit(9)


def test_a_worker_that_dies_is_one_line():
    with pytest.raises(UserError, match="worker process ended unexpectedly.*fewer --workers"):
        list(map_files(end_abruptly, range(4), 2))


def loaded_modules(_):
    return set(sys.modules)


def test_workers_carry_no_torch():
    assert all("torch" not in modules for modules in map_files(loaded_modules, range(4), 2))


def linger(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(60)


@pytest.mark.slow
def test_workers_end_with_the_process_that_they_work_for(tmp_path):
    code = "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from test_pool import linger, map_files\n"
    code += "list(map_files(linger, [pathlib.Path(sys.argv[2])] * 2, 2))"
    here = os.path.dirname(__file__)
    script = tmp_path / "script.py"
    script.write_text(f"if __name__ == '__main__':\n    {code.replace(chr(10), chr(10) + '    ')}")
    (folder := tmp_path / "workers").mkdir()
    parent = subprocess.Popen([sys.executable, script, here, folder])
    assert wait_for(lambda: len(list(folder.iterdir())) == 2)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_for(lambda: not any(is_alive(int(path.name)) for path in folder.iterdir()))


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_there_is_at_least_one_worker():
    assert default_workers() >= 1
