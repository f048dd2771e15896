"""The CRF's processes do their calls, and one that fails ends the run with one line."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from spml.commands import crf_pool
from spml.commands.crf_pool import CrfPool
from spml.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
BIG = np.zeros(1 << 20)  # more than a pipe holds


def touch(path, *_):
    path.write_text(f"{os.getpid()} {'torch' in sys.modules}")


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
    with CrfPool(count, on_done=lambda: done.append(1)) as pool:
        for i in range(7):
            pool.submit(f"image {i}", touch, tmp_path / str(i), BIG)
        pool.finish()
        assert len(done) == 7 and len(list(tmp_path.iterdir())) == 7
    processes = {path.read_text().split()[0] for path in tmp_path.iterdir()}
    assert (processes == {str(os.getpid())}) if count == 0 else (str(os.getpid()) not in processes)
    assert len(processes) <= max(1, count)


def test_processes_never_import_torch(tmp_path):
    assert "torch" in sys.modules
    with CrfPool(2) as pool:
        for i in range(4):
            pool.submit("image a", touch, tmp_path / str(i))
        pool.finish()
    assert {path.read_text().split()[1] for path in tmp_path.iterdir()} == {"False"}


def test_scripts_bring_no_torch_before_their_processes_start():
    homes = "cam, inference, prototype, pseudo"
    code = f"import sys; from spml.commands import {homes}, running; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_no_more_than_a_few_images_are_under_way(tmp_path):
    with CrfPool(1) as pool:
        for i in range(6):
            pool.submit("image a", write_slowly, tmp_path / str(i))
            assert len(pool._busy) <= 1 + crf_pool.WAITING
        pool.finish()
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("count", [0, 2])
def test_a_call_that_raises_is_one_line_with_its_name(count):
    with pytest.raises(UserError, match="^image b: ValueError: the scores are wrong$"), CrfPool(count) as pool:
        pool.submit("image b", fail, BIG)
        pool.finish()
    with pytest.raises(UserError, match="^image c: a.png: cannot be written$"), CrfPool(count) as pool:
        pool.submit("image c", mistake)
        pool.finish()


@pytest.mark.parametrize("count", [1, 2])
def test_a_process_that_dies_ends_the_run_in_place_of_hanging_it(count, tmp_path):
    with pytest.raises(UserError, match="^image .*: a CRF process ended .*--workers$"), CrfPool(count) as pool:
        for i in range(100):
            pool.submit(f"image {i}", *((die,) if i == 2 else (touch, tmp_path / "x", BIG)))
        pool.finish()


def test_an_idle_process_that_died_is_noticed_when_it_is_called(tmp_path):
    with pytest.raises(UserError, match="image .*: a CRF process ended"), CrfPool(1) as pool:
        pool.submit("image 0", touch, tmp_path / "x", BIG)
        pool.finish()
        for process in pool._executor._processes.values():
            process.kill()
        for i in range(100):
            pool.submit(f"image {i}", touch, tmp_path / "x", BIG)
        pool.finish()


def test_an_error_elsewhere_lets_a_call_end_so_that_nothing_is_half_written(tmp_path):
    with pytest.raises(KeyboardInterrupt), CrfPool(1) as pool:
        pool.submit("image a", write_slowly, tmp_path / "a")
        while not pool._executor._pending_work_items or not next(iter(pool._busy)).running():
            time.sleep(0.01)
        processes = list(pool._executor._processes.values())
        raise KeyboardInterrupt
    assert (tmp_path / "a").read_text() == "done"
    assert len(processes) == 1 and not processes[0].is_alive()


@pytest.mark.slow
def test_processes_start_without_a_forkserver_too(tmp_path, monkeypatch):
    monkeypatch.setattr(crf_pool, "process_context", lambda: get_context("spawn"))
    with CrfPool(1) as pool:
        pool.submit("image a", touch, tmp_path / "a", BIG)
        pool.finish()
    assert (tmp_path / "a").read_text().split()[0] != str(os.getpid())


ORPHANS = """
import os, sys
from spml.commands.crf_pool import CrfPool
if __name__ == "__main__":
    with CrfPool(2) as pool:
        pool._starter.join()
        print(*pool._executor._processes, flush=True)
        os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them_even_when_it_is_killed(tmp_path):
    (tmp_path / "orphans.py").write_text(ORPHANS)
    killed = subprocess.run(
        [sys.executable, tmp_path / "orphans.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    processes = [Path("/proc") / name for name in killed.stdout.split()]
    assert killed.returncode == -signal.SIGKILL and processes
    end = time.monotonic() + 20
    while any(path.exists() for path in processes) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(path.exists() for path in processes)
