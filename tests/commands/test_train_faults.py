"""Training under faults, as real processes: signals, killed workers and ranks, disks that refuse, no shared memory."""

import ctypes
import os
import re
import signal
import socket

import pytest
import torch
from trunk import ROOT, group_members, wait_until

pytestmark = pytest.mark.slow  # starts processes

# A mount of its own over a folder, seen by the script alone.
MOUNT = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, target, kind, flags, data):
    if libc.mount(source, target, kind, ctypes.c_ulong(flags), data):
        raise OSError(ctypes.get_errno(), "mount")
assert not libc.unshare(0x00020000)
mount(b"none", b"/", None, 0x44000, None)
"""
# torch 2.4 writes a file of its own as this module is imported.
LIMIT = "import torch.distributed.nn.functional, resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
READ_ONLY = 1


def may_mount():
    """Whether this machine lets a process have a mount of its own."""
    if not (child := os.fork()):
        try:
            exec(MOUNT + "mount(b'tmpfs', b'/mnt', b'tmpfs', 0, b'size=64k')", {})
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


needs_mounts = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "unshare") or not may_mount(), reason="this machine allows no mounts"
)


def mounted(folder, options, flags=0):
    return MOUNT + f"mount(b'tmpfs', {os.fsencode(folder)!r}, b'tmpfs', {flags}, {options.encode()!r})"


@pytest.fixture
def train(trunk, tiny_data, write_config, tmp_path):
    """Starts a training into tmp_path/run; endless unless told otherwise."""

    def start(*opts, prepare="", folder="run", environment=(), num_threads=0, **settings):
        settings = {"max_iteration": 10**6, "snapshot_step": 10**6, "batch_size": 1, **settings}
        words = [ROOT / "pyscripts/train/train.py", "--device", "cpu", "--snapshot_dir", tmp_path / folder]
        words += ["--cfg_path", write_config(num_threads=num_threads, train=settings)]
        words += ["--data_dir", tiny_data.root, "--data_list", tiny_data.list, "--opts", *opts]
        return trunk.start(words, prepare, **dict(environment))

    return start


@pytest.fixture
def begun(train, tmp_path):
    """Starts an endless training and waits for the end of its first iteration."""

    def start(*opts, folder="run", **settings):
        script = train(*opts, folder=folder, **settings)
        assert wait_until((tmp_path / folder / "config_merged.yaml").exists), script.stderr
        return script

    return start


def refused(script, *words, beside=()):
    """See that a script ends with status 1 and one line, which holds these words; beside: how torch's own begin."""
    assert script.wait() == 1, script.stderr
    lines = [line.strip("\0 ") for line in re.split(r"[\r\n]+", script.stderr)]
    lines = [line for line in lines if line and not line.startswith(("train:", *beside))]
    assert len(lines) == 1 and lines[0].startswith("error: "), script.stderr
    assert all(word in lines[0] for word in words), lines[0]


def whole(folder, iteration):
    """See that a folder's newest snapshot is this one, whole, and that nothing half-written lies there."""
    for kind in ("model", "state"):
        assert torch.load(folder / f"{kind}-{iteration}.pth", weights_only=True)
    assert {path.name for path in folder.glob("*.pth")} == {f"{kind}-{iteration}.pth" for kind in ("model", "state")}
    assert not list(folder.rglob(".*"))


@pytest.mark.parametrize(("number", "num_threads"), [(signal.SIGINT, 0), (signal.SIGTERM, 2)])
def test_a_signal_ends_the_iteration_and_its_snapshot_goes_on(begun, train, tmp_path, number, num_threads):
    script = begun(num_threads=num_threads)
    script.signal(number, group=num_threads > 0)  # as a terminal does
    assert script.wait() == 128 + number, script.stderr
    said = re.fullmatch(r"stopped by (\w+) after iteration (\d+), whose snapshot is written; (.*)", script.last_line)
    assert said and said[1] == number.name and said[3] == "--opts train.resume true goes on", script.stderr
    assert "Traceback" not in script.stderr
    whole(tmp_path / "run", int(said[2]))
    assert wait_until(lambda: not group_members(script.pid), 10)
    script = train("train.resume", "true", max_iteration=int(said[2]) + 2)
    assert script.wait() == 0, script.stderr
    assert f"resuming at iteration {int(said[2]) + 1}" in script.stdout


def test_a_killed_loader_worker_is_one_line_and_nothing_stays(begun):
    script = begun(num_threads=2)
    assert wait_until(lambda: len(group_members(script.pid)) == 3)
    os.kill(max(group_members(script.pid)), signal.SIGKILL)
    refused(script, "num_threads is 2: a loader worker ended (", "num_threads: 0")
    assert wait_until(lambda: not group_members(script.pid), 10)


def test_loader_workers_end_with_a_killed_training_whose_folder_the_next_takes_over(begun, train, tmp_path):
    script = begun(num_threads=2)
    assert wait_until(lambda: len(group_members(script.pid)) == 3)
    script.signal(signal.SIGKILL)
    assert script.wait() == -signal.SIGKILL
    assert (tmp_path / "run/.lock").exists()
    assert train(max_iteration=1).wait() == 0
    assert wait_until(lambda: not group_members(script.pid), 10)


def test_the_second_training_into_a_folder_names_the_first(begun, train, tmp_path):
    script = begun()
    refused(
        train("train.resume", "true"), f"{tmp_path}/run: process {script.pid} on {socket.gethostname()} trains there"
    )
    script.signal(signal.SIGTERM)
    assert script.wait() == 143


@needs_mounts
@pytest.mark.parametrize(("options", "flags"), [("size=64k", 0), ("size=64k", READ_ONLY)])
def test_without_shared_memory_training_ends_in_one_line(train, options, flags):
    script = train(num_threads=2, prepare=mounted("/dev/shm", options, flags))
    # With torch 2.4 a worker dies, and says so behind the bar; later ones raise an error.
    refused(script, "num_threads is 2: ", "set num_threads: 0", "--shm-size", beside=["ERROR: Unexpected bus error"])
    assert re.search("error: num_threads is 2: (loader workers|a loader worker ended)", script.stderr)
    assert wait_until(lambda: not group_members(script.pid), 10)


@pytest.mark.parametrize("limit", [2_000, 4_500, 100_000])
def test_a_limit_of_file_sizes_ends_in_one_line_and_the_snapshot_before_stays(train, tmp_path, limit):
    assert train(max_iteration=1).wait() == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.pth")}
    script = train("train.resume", "true", max_iteration=2, prepare=LIMIT.format(limit))
    refused(script, f"{tmp_path}/run/", "cannot be written ([Errno 27] File too large")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.pth")} == before
    whole(tmp_path / "run", 0)


@needs_mounts
@pytest.mark.parametrize("size", [8, 64])
def test_a_full_disk_ends_in_one_line_and_leaves_nothing_half_written(train, tmp_path, size):
    (tmp_path / "run").mkdir()
    script = train(max_iteration=1, prepare=mounted(tmp_path / "run", f"size={size}k"))
    refused(script, f"{tmp_path}/run/", "cannot be written ([Errno 28] No space left on device")


@needs_mounts
def test_a_read_only_disk_ends_in_one_line(train, tmp_path):
    (tmp_path / "run").mkdir()
    script = train(max_iteration=1, prepare=mounted(tmp_path / "run", "size=1m", READ_ONLY))
    refused(script, f"{tmp_path}/run/", "cannot be written ([Errno 30] Read-only file system")


def test_files_in_the_place_of_folders_and_names_too_long_are_one_line(train, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/tensorboard").touch()
    refused(train(max_iteration=1), f"{tmp_path}/run/tensorboard")
    assert [path.name for path in (tmp_path / "run").glob("*.pth")] == []
    (tmp_path / "file").touch()
    refused(train(max_iteration=1, folder="file/run"), f"{tmp_path}/file/run")
    refused(train(max_iteration=1, folder="x" * 300), "File name too long")


@pytest.fixture
def agent():
    """The environment of ranks whose store another process keeps, as torchrun's agent does; given their number."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "TORCHELASTIC_RESTART_COUNT": "0"}
    agent = {**meeting, "TORCHELASTIC_USE_AGENT_STORE": "True"}
    yield lambda count: [{**agent, "WORLD_SIZE": str(count), "RANK": str(rank)} for rank in range(count)]
    del store


def test_where_a_rank_is_killed_the_others_end_with_one_line(train, agent, tmp_path):
    ranks = [train(environment=environment) for environment in agent(3)]
    assert wait_until((tmp_path / "run/config_merged.yaml").exists), ranks[0].stderr
    ranks[2].signal(signal.SIGKILL)
    assert [rank.wait(60) for rank in ranks] == [1, 1, -signal.SIGKILL]
    said = [line for rank in ranks for line in rank.stderr.splitlines() if "error: " in line]
    assert len(said) == 1 and "error: one of the 3 processes ended without a word" in said[0]
    assert not any("Traceback" in rank.stderr for rank in ranks)


def test_where_one_rank_is_told_to_end_all_end_after_the_same_iteration(train, agent, tmp_path):
    ranks = [train(environment=environment) for environment in agent(2)]
    assert wait_until((tmp_path / "run/config_merged.yaml").exists), ranks[0].stderr
    ranks[1].signal(signal.SIGTERM)
    assert [rank.wait() for rank in ranks] == [143, 143]
    assert ranks[0].last_line.startswith("stopped by SIGTERM after iteration") and not ranks[1].stderr
