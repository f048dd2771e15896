"""Inference under faults, as real processes: a signal and a killed CRF process among many images."""

import os
import signal
from pathlib import Path

import pytest
from trunk import ROOT, group_members, wait_until

from spml.data.whole_files import is_whole

pytestmark = pytest.mark.slow  # starts processes


@pytest.fixture
def begun(trunk, call, tiny_data, tmp_path):
    """Starts a script with a CRF on more images than it could do, and waits for the first masks."""
    rows = []
    for number in range(3000):
        link = tiny_data.root / "image" / f"many{number}.png"
        link.symlink_to(tiny_data.root / "image/a.png")
        rows.append(f"image/{link.name}\n")
    (tmp_path / "many.txt").write_text("".join(rows))
    flags = {**dict(call.flags), "--data_list": tmp_path / "many.txt", "--workers": 1, "--save_dir": tmp_path / "out"}
    words = [ROOT / "pyscripts/inference/inference_softmax_crf.py", *(word for pair in flags.items() for word in pair)]
    script = trunk.start(words)
    assert wait_until(lambda: len(list((tmp_path / "out").rglob("*.png"))) > 6), script.stderr
    yield script
    assert wait_until(lambda: not group_members(script.pid), 10)
    assert all(is_whole(path) for path in (tmp_path / "out").rglob("*.png"))


@pytest.mark.parametrize(("number", "group"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_ends_inference_and_its_crf_after_the_masks_at_hand(begun, number, group):
    begun.signal(number, group)
    assert begun.wait(60) == 128 + number
    assert begun.last_line == f"stopped by {number.name}; every file that was written is whole", begun.stderr
    assert "Traceback" not in begun.stderr


def test_a_killed_crf_process_is_one_line(begun):
    servers = [pid for pid in group_members(begun.pid) if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(max(servers), signal.SIGKILL)
    assert begun.wait(60) == 1
    assert "a CRF process ended unexpectedly" in begun.last_line, begun.stderr
    assert "Traceback" not in begun.stderr
