"""Worker processes do their calls, and one that fails ends the run with one line."""

import os
import signal
import time

import numpy as np
import pytest

from spml.commands import workers as workers_module
from spml.commands.workers import Workers
from spml.errors import UserError

BIG = np.zeros(1 << 20)  # more than a pipe holds


def touch(path, *_):
    path.write_text(str(os.getpid()))


def fail(_):
    raise ValueError("the scores\nare wrong")


def mistake():
    raise UserError("a.png: cannot be written")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def write_slowly(path):
    time.sleep(0.3)
    path.write_text("done")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_all_calls_are_done_and_counted(count, tmp_path):
    done = []
    with Workers(count, on_done=lambda: done.append(1)) as workers:
        for i in range(7):
            workers.submit(f"image {i}", touch, tmp_path / str(i), BIG)
        workers.finish()
        assert len(done) == 7 and len(list(tmp_path.iterdir())) == 7
    processes = {path.read_text() for path in tmp_path.iterdir()}
    assert (processes == {str(os.getpid())}) if count == 0 else (str(os.getpid()) not in processes)
    assert len(processes) <= max(1, count)


@pytest.mark.parametrize("count", [0, 2])
def test_a_call_that_raises_is_one_line_with_its_name(count):
    with pytest.raises(UserError, match="^image b: ValueError: the scores are wrong$"), Workers(count) as workers:
        workers.submit("image b", fail, BIG)
        workers.finish()
    with pytest.raises(UserError, match="^image c: a.png: cannot be written$"), Workers(count) as workers:
        workers.submit("image c", mistake)
        workers.finish()


@pytest.mark.parametrize("count", [1, 2])
def test_a_process_that_dies_ends_the_run_in_place_of_hanging_it(count, tmp_path):
    with pytest.raises(UserError, match="image 2: its worker process ended .*--workers"), Workers(count) as workers:
        for i in range(100):
            workers.submit(f"image {i}", *((die,) if i == 2 else (touch, tmp_path / "x", BIG)))
        workers.finish()


def test_an_idle_process_that_died_is_noticed_when_it_is_called(tmp_path):
    with pytest.raises(UserError, match="image 1: its worker process ended"), Workers(1) as workers:
        workers._processes[0].kill()
        workers._processes[0].join()
        workers.submit("image 1", touch, tmp_path / "x", BIG)
        workers.finish()


def test_an_error_elsewhere_lets_a_call_end_so_that_nothing_is_half_written(tmp_path):
    with pytest.raises(KeyboardInterrupt), Workers(1) as workers:
        workers.submit("image a", write_slowly, tmp_path / "a")
        raise KeyboardInterrupt
    assert (tmp_path / "a").read_text() == "done"
    assert not any(process.is_alive() for process in workers._processes)


def test_processes_start_without_fork_too(tmp_path, monkeypatch, spawn_context):
    monkeypatch.setattr(workers_module, "process_context", lambda: spawn_context)
    with Workers(1) as workers:
        workers.submit("image a", touch, tmp_path / "a", BIG)
        workers.finish()
    assert (tmp_path / "a").read_text() != str(os.getpid())
