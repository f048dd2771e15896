"""A data script under faults, as real processes: signals, killed workers, no shared memory, half-written files."""

import os
import re
import signal
from pathlib import Path

import pytest
from trunk import ROOT, group_members, wait_until

pytestmark = pytest.mark.slow  # starts processes


@pytest.fixture
def begun(trunk, tmp_path):
    """Starts a script that would draw a great many scenes, and waits for the first ones."""
    words = [ROOT / "pyscripts/data/make_toy.py", "--save_dir", tmp_path / "toy", "--num_train", 5000]
    script = trunk.start([*words, "--num_val", 2, "--workers", 2])
    assert wait_until(lambda: len(list((tmp_path / "toy").rglob("*.png"))) > 6), script.stderr
    yield script
    assert wait_until(lambda: not group_members(script.pid), 10)


def half_written(folder):
    return [path.name for path in folder.rglob("*.partial*")]


def workers(script):
    """The pool's processes: those that the fork server has begun."""
    fields = {
        pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in group_members(script.pid)
    }
    parents = {pid: int(found[1]) for pid, found in fields.items()}
    return [pid for pid, parent in parents.items() if parent in parents and parent != script.pid]


@pytest.mark.parametrize(("number", "group"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_ends_script_and_workers_after_the_file_at_hand(begun, tmp_path, number, group):
    begun.signal(number, group)
    assert begun.wait(60) == 128 + number
    assert begun.last_line == f"stopped by {number.name}; every file that was written is whole", begun.stderr
    assert "Traceback" not in begun.stderr and not half_written(tmp_path)


def test_a_killed_worker_is_one_line_and_at_most_its_own_file_stays_half_written(begun, tmp_path):
    killed = workers(begun)[0]
    os.kill(killed, signal.SIGKILL)
    assert begun.wait(60) == 1
    lines = [line for line in re.split(r"[\r\n]+", begun.stderr) if "error" in line or "Traceback" in line]
    assert len(lines) == 1 and "error: a worker process ended unexpectedly" in lines[0], begun.stderr
    assert wait_until(lambda: not group_members(begun.pid), 10)
    assert all(f"-{killed}.partial" in name for name in half_written(tmp_path))
