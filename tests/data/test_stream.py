"""The stream of training samples: whole epochs, shares of processes, going on where it stopped."""

import signal
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spml.data.datasets import Augmentation, WeakLabelDataset
from spml.data.lists import read_list
from spml.data.stream import StreamSampler, begin_worker, make_loader, read_batches, worker_deaths
from spml.errors import UserError

lengths, batches, ranks = st.integers(1, 12), st.integers(1, 5), st.integers(1, 3)


def flat(samplers):
    """(index, position) of all ranks' batches, iteration by iteration."""
    return [item for round_ in zip(*samplers, strict=True) for batch in round_ for item in batch]


def stream(length, batch_size, world_size, start, stop, **options):
    return flat(
        StreamSampler(length, batch_size, start, stop, rank, world_size, **options) for rank in range(world_size)
    )


@given(lengths, batches, ranks, st.integers(0, 5))
def test_every_epoch_holds_every_sample_once(length, batch_size, world_size, seed):
    items = stream(length, batch_size, world_size, 0, 3 * length, seed=seed)
    assert [position for _, position in items] == list(range(3 * length * batch_size * world_size))
    indices = [index for index, _ in items]
    for epoch in range(0, len(indices), length):
        part = indices[epoch : epoch + length]
        assert len(part) < length or sorted(part) == list(range(length))


@given(lengths, batches, ranks, st.integers(0, 8), st.integers(0, 8))
def test_a_resumed_stream_is_the_end_of_the_whole_one(length, batch_size, world_size, start, more):
    whole = stream(length, batch_size, world_size, 0, start + more, seed=3)
    resumed = stream(length, batch_size, world_size, start, start + more, seed=3)
    assert resumed == whole[start * batch_size * world_size :]


@given(lengths, batches, ranks)
def test_processes_share_the_stream_of_one(length, batch_size, world_size):
    assert stream(length, batch_size, world_size, 0, 4) == stream(length, batch_size * world_size, 1, 0, 4)


def test_epochs_are_shuffled_differently_and_by_the_seed():
    orders = [[i for i, _ in stream(20, 20, 1, epoch, epoch + 1, seed=s)] for epoch, s in ((0, 0), (1, 0), (0, 1))]
    assert len({tuple(order) for order in orders}) == 3
    assert [i for i, _ in stream(5, 5, 1, 0, 2, shuffle=False)] == [0, 1, 2, 3, 4] * 2


def test_the_number_of_batches_is_known():
    assert len(StreamSampler(5, 2, 3, 10)) == 7


@pytest.fixture
def loader(tiny_data, tiny_config):
    def build(workers, start=0, stop=4):
        config = tiny_config()
        data = WeakLabelDataset(read_list(tiny_data.root, tiny_data.list), config, Augmentation((32, 32), (0.5,) * 3))
        return make_loader(data, StreamSampler(4, 2, start, stop), workers)

    return build


def same(a, b):
    """Whether two batches hold the same tensors; a column may be absent from both."""
    pairs = zip(vars(a).values(), vars(b).values(), strict=True)
    return all(x is y if x is None or y is None else torch.equal(x, y) for x, y in pairs)


def test_batches_do_not_depend_on_the_number_of_workers(loader):
    alone, by_two = list(loader(0)), list(loader(2))
    assert len(alone) == len(by_two) == 4
    for a, b in zip(alone, by_two, strict=True):
        assert same(a, b)


def test_batches_after_a_resume_are_those_of_the_uninterrupted_run(loader):
    whole, resumed = list(loader(0)), list(loader(0, start=2))
    for a, b in zip(whole[2:], resumed, strict=True):
        assert same(a, b)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_leaves_a_worker_as_an_error_in_its_batchs_place(loader, tiny_data, workers):
    (tiny_data.root / "image" / "c.png").write_text("no image")
    results = list(loader(workers))
    errors = [r for r in results if isinstance(r, UserError)]
    assert len(errors) == 2
    assert all("image/c.png" in str(e) for e in errors)


class BrokenLoader:
    """A loader whose second batch never comes."""

    num_workers = 2

    def __init__(self, error):
        self.error = error

    def __iter__(self):
        yield "a batch"
        raise self.error


@pytest.fixture
def child_signal():
    """Puts back what is done about children that end."""
    before = signal.signal(signal.SIGCHLD, lambda *_: None)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("error", [
    ConnectionResetError(104, "reset by peer"), EOFError(), FileNotFoundError(2, "No such file"),
    RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
], ids=lambda error: type(error).__name__)  # fmt: skip
def test_a_worker_that_dies_while_it_hands_a_batch_over_is_named_and_no_handler_raises_on(error, child_signal):
    with pytest.raises(UserError, match=r"^num_threads is 2: a loader worker ended \("), worker_deaths(2):
        list(read_batches(BrokenLoader(error)))
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL


def test_an_error_of_our_own_in_a_worker_is_not_taken_for_its_death(child_signal):
    error = FileNotFoundError("Caught FileNotFoundError in DataLoader worker process 0.")
    with pytest.raises(FileNotFoundError), worker_deaths(2):
        list(read_batches(BrokenLoader(error)))
    assert signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL


HALF_A_HANDSHAKE = """
import multiprocessing.resource_sharer as sharer, os, socket
from spml.data.stream import begin_worker
begin_worker(0)
address, _ = sharer.DupFd(os.open(os.devnull, os.O_RDONLY))._id  # what a worker sends in place of a tensor
with socket.socket(socket.AF_UNIX) as trainer:
    trainer.connect(address)
    trainer.recv(4)
sharer.stop()  # once it has served whoever came
"""


@pytest.mark.slow
def test_a_worker_says_nothing_where_its_trainer_goes_away_while_it_fetches_a_batch():
    done = subprocess.run([sys.executable, "-c", HALF_A_HANDSHAKE], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_errors_of_a_worker_are_shown(capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda number, action: None)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    begin_worker(0)
    sys.excepthook(KeyError, KeyError("seen"), None)
    assert "KeyError: 'seen'" in capsys.readouterr().err
