"""Several processes of one script: the files that one writes, one bar, one error line, one end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spml.commands import ranks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def torchrun(call):
    """Runs a script of pyscripts/inference in two processes."""
    flags = [str(word) for pair in call.flags if pair[0] != "--workers" for word in pair]

    def start(script, out, *extra, processes=2):
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        path = ROOT / "pyscripts" / "inference" / f"{script}.py"
        command = [sys.executable, *launcher, path, *flags, "--save_dir", call.root / out, *extra]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)

    return start


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("script", ["inference_softmax_crf", "prototype"])
def test_two_processes_write_the_files_that_one_writes_and_show_one_bar(script, torchrun, call):
    from spml.commands.inference import inference_softmax_crf
    from spml.commands.prototype import prototype

    alone = call({"inference_softmax_crf": inference_softmax_crf, "prototype": prototype}[script], out="alone")
    done = torchrun(script, "together")
    assert done.returncode == 0, done.stderr
    assert contents(call.root / "together") == contents(alone)
    bars = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.startswith("together")]
    assert bars[-1].startswith("together: 100%") and " 4/4 " in bars[-1]
    assert len([line for line in bars if line.startswith("together:   0%")]) == 1


def errors(done):
    return [line for line in done.stderr.splitlines() if line.startswith("error:")]


def test_a_mistake_that_all_processes_meet_is_said_once(torchrun, call):
    done = torchrun("inference_softmax", "out", "--snapshot_dir", call.root / "nowhere")
    assert done.returncode == 1 and not (call.root / "out").exists()
    assert errors(done) == [f"error: --snapshot_dir {call.root / 'nowhere'}: no such folder"]


@pytest.mark.parametrize(("broken", "whole"), [("b", "acd"), ("a", "bd")])
def test_an_error_in_one_process_ends_all_with_its_line_and_no_traceback(broken, whole, torchrun, call, tiny_data):
    (tiny_data.root / "image" / f"{broken}.png").write_bytes(b"no image")
    done = torchrun("inference_softmax", "out")
    assert done.returncode == 1
    (line,) = errors(done)
    assert f"{broken}.png: not a readable image" in line
    assert 'File "' + str(ROOT) not in done.stderr
    written = {path.stem for path in (call.root / "out" / "semantic_gray").glob("*.png")}
    assert written <= set(whole)


def test_results_of_another_run_are_refused_once_and_the_rest_is_shared(torchrun, call):
    assert torchrun("inference_softmax", "out").returncode == 0
    before = contents(call.root / "out")
    refused = torchrun("inference_softmax", "out", "--skip_existing", "--label_divisor", 300)
    assert refused.returncode == 1 and len(errors(refused)) == 1 and contents(call.root / "out") == before
    for name in ("a", "c", "d"):
        (call.root / "out" / "semantic_gray" / f"{name}.png").unlink()
    done = torchrun("inference_softmax", "out", "--skip_existing")
    assert done.returncode == 0 and contents(call.root / "out") == before
    assert " 3/3 " in done.stderr


def test_more_processes_than_images_end_well(torchrun, call, tiny_data):
    (call.root / "train.txt").write_text("image/a.png\n")
    done = torchrun("inference_softmax", "out")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (call.root / "out" / "semantic_gray").iterdir()] == ["a.png"]


def test_shares_hold_each_sample_once(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(ranks.share(range(10)))
    assert shares == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
