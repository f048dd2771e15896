"""Several processes of one script: the files that one writes, one bar, one error line, one end."""

import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from trunk import wait_until

from spml.commands import ranks
from spml.commands.inference import inference_softmax, inference_softmax_crf
from spml.commands.prototype import prototype
from spml.data.joined_prototypes import JOINED

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).resolve().parents[2]


def environment(**variables):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}


@pytest.fixture
def command(call):
    """The words that call a script of pyscripts/inference, behind `python`."""
    flags = [word for pair in call.flags if pair[0] != "--workers" for word in pair]

    def words(script, out, *extra):
        path = ROOT / "pyscripts" / "inference" / f"{script}.py"
        return [str(word) for word in (path, *flags, "--save_dir", call.root / out, *extra)]

    return words


@pytest.fixture
def torchrun(command):
    """Runs a script in two processes of torchrun."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

    def start(*words):
        return subprocess.run([*launcher, *command(*words)], env=environment(), capture_output=True, text=True)

    return start


@dataclass(frozen=True)
class Ended:
    """How two processes ended, and what both wrote to stderr."""

    codes: list
    stderr: str


@pytest.fixture
def pair(command):
    """Runs a script in two processes that another launcher than torchrun has started, as on a cluster."""

    def start(*words):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        processes = [
            subprocess.Popen(
                [sys.executable, *command(*words)],
                env=environment(RANK=str(rank), LOCAL_RANK=str(rank), **common),
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        said = [process.communicate(timeout=120)[1] for process in processes]
        return Ended([process.returncode for process in processes], "".join(said))

    return start


def contents(folder):
    """Bytes of all files; of a joined file those behind its head, which holds the times of what it was made of."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    heads = {name: 8 + int.from_bytes(data[:8], "little") if JOINED in name else 0 for name, data in found.items()}
    return {name: data[heads[name] :] for name, data in found.items()}


@pytest.mark.parametrize("script", [inference_softmax_crf, prototype])
def test_two_processes_write_the_files_that_one_writes_and_show_one_bar(script, torchrun, call):
    alone = call(script, out="alone")
    done = torchrun(script.__name__, "together")
    assert done.returncode == 0, done.stderr
    assert contents(call.root / "together") == contents(alone)
    bars = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.startswith("together")]
    assert bars[-1].startswith("together: 100%") and " 4/4 " in bars[-1]
    assert len([line for line in bars if line.startswith("together:   0%")]) == 1


def errors(done):
    return [line for line in done.stderr.splitlines() if line.startswith("error:")]


def test_a_mistake_that_all_processes_meet_is_said_once(pair, call):
    done = pair("inference_softmax", "out", "--snapshot_dir", call.root / "nowhere")
    assert done.codes == [1, 1] and not (call.root / "out").exists()
    assert done.stderr.strip() == f"error: --snapshot_dir {call.root / 'nowhere'}: no such folder"


def test_an_error_in_one_process_ends_all_with_its_line_and_no_traceback(torchrun, call, tiny_data):
    (tiny_data.root / "image" / "b.png").write_bytes(b"no image")
    done = torchrun("inference_softmax", "out")
    assert done.returncode == 1
    (line,) = errors(done)
    assert "b.png: not a readable image" in line
    assert f'File "{ROOT}/spml' not in done.stderr and f'File "{ROOT}/pyscripts' not in done.stderr
    assert {path.stem for path in (call.root / "out" / "semantic_gray").glob("*.png")} <= set("acd")


def test_processes_without_anything_left_wait_for_those_with_something(pair, call):
    whole = contents(call(inference_softmax))
    (call.root / "out" / "semantic_gray" / "b.png").unlink()
    done = pair("inference_softmax", "out", "--skip_existing")
    assert done.codes == [0, 0] and contents(call.root / "out") == whole
    assert " 1/1 " in done.stderr and not errors(done)


def test_shares_hold_each_sample_once(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(ranks.share(range(10)))
    assert shares == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


RANK = """
import os, time
from spml.commands import ranks
ranks.end_with_launcher()
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_a_rank_ends_with_the_agent_that_started_it():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    words, variables = [sys.executable, "-c", code, RANK], environment(TORCHELASTIC_RUN_ID="1")
    with subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, text=True) as agent:
        rank = int(agent.stdout.readline())
        agent.kill()
    assert wait_until(lambda: not os.path.exists(f"/proc/{rank}"), 10)


WATCHED = """
import sys
from torch.distributed import TCPStore
from spml.commands import ranks
store = TCPStore("127.0.0.1", int(sys.argv[1]), is_master=True, wait_for_workers=False)
ranks.GLANCE = 0  # looks at the store without a pause, so that the end falls into a look
with ranks.watched_others():
    for _ in range(100):
        store.add("other", 1)
"""


@pytest.mark.parametrize("repeat", range(3))  # without the watch's end before the interpreter's, half of them abort
def test_a_process_that_watches_others_ends_in_good_order(repeat):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    variables = environment(**place, MASTER_PORT=port, TORCHELASTIC_USE_AGENT_STORE="True")
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, port], env=variables, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_watch_ends_a_process_where_another_one_failed(monkeypatch):
    ended = threading.Event()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks, "_store", lambda: SimpleNamespace(add=lambda key, more: 1))
    monkeypatch.setattr(ranks, "STUCK", 0.01)
    monkeypatch.setattr(ranks.os, "_exit", lambda code: ended.set())
    with ranks.watched_others():
        assert ended.wait(10)


def test_a_process_that_ends_by_itself_is_not_ended_by_the_watch(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks, "_store", lambda: SimpleNamespace(add=lambda key, more: 1))
    monkeypatch.setattr(ranks.os, "_exit", lambda code: pytest.fail("ended by the watch"))
    before = threading.active_count()
    with pytest.raises(KeyError), ranks.watched_others():
        raise KeyError
    assert threading.active_count() == before
