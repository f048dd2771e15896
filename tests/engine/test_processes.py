"""Several processes: uneven ranks, gradients to the rank that owns the pixels, one bank on all ranks, equal weights."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from two_processes import (
    CLASSES,
    IMAGES,
    ITERATIONS,
    RANKS,
    Place,
    filled_norm,
    flat_gradient,
    make_batch,
    make_task,
    norm_batch,
    trained,
    work,
)

from spml.devices import choose_device
from spml.engine import processes
from spml.engine.batch_norm import JoinedBatchNorm2d, join_batch_norm, joins_batch_norm
from spml.errors import UserError
from spml.models.embedding import build_embedding
from spml.segments.memory_bank import MemoryBank
from spml.segments.prototypes import Prototypes, prototypes_of

pytestmark = pytest.mark.slow  # starts processes

ROOT = Path(__file__).parent.parent.parent


def alone(config, count=RANKS):
    """The steps in one process: each rank's loss with all ranks' prototypes, then the mean over ranks."""
    task, memory, out = make_task(config), MemoryBank(2), []
    for iteration in range(ITERATIONS):
        batches = [make_batch(rank, iteration) for rank in range(count)]
        segments = [task.segment(b, task.embedding_model(b.image)) for b in batches]
        own = [prototypes_of(s, b.tags) for s, b in zip(segments, batches, strict=True)]
        everyone = Prototypes.cat([replace(p, image=p.image + IMAGES * r) for r, p in enumerate(own)])
        known, total = memory.extend(everyone), 0
        for rank, batch in enumerate(batches):
            shifted = replace(segments[rank], segment=segments[rank].segment + sum(len(p) for p in own[:rank]))
            losses = task.objective.relation_losses(shifted, known, batch.tags)
            logits = task.prediction_model(task.embedding_model(batch.image).detach())
            losses["cross_entropy"] = plain_cross_entropy(logits, batch.semantic)
            total = total + task.objective.total(losses) / count
        task.zero_grad()
        total.backward()
        memory.append(everyone)
        counts = [len(p) for p in own]
        out.append({"gradient": flat_gradient(task), "memory": dict(vars(memory.extend(everyone))), "counts": counts})
    return out


def plain_cross_entropy(logits, labels):
    labelled = labels < CLASSES
    if not labelled.any():
        return logits.sum() * 0
    logits = nn.functional.interpolate(logits, labels.shape[-2:], mode="bilinear")
    return nn.functional.cross_entropy(logits.movedim(1, -1)[labelled], labels[labelled])


AFFINITY = {"feat_aff_loss_types": "segsort", "feat_aff_concentration": 12, "feat_aff_loss_weight": 0.5}
# A rate that does not depend on the last iteration, so that a shorter run begins a longer one.
SHORT = {"max_iteration": 4, "memory_bank_size": 3, "lr_policy": "step", "decay_iterations": [100]}


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_yaml, write_tiny_data):
    """Data and configurations of the two processes, and where they leave what they get."""
    folder = tmp_path_factory.mktemp("gloo")
    data = write_tiny_data(folder)
    source = {"prediction_types": "softmax_classifier", "pretrained": str(folder / "source.pth"), "use_syncbn": True}
    (folder / "embedding.yaml").write_text(tiny_yaml(train=AFFINITY | SHORT))
    (folder / "classifier.yaml").write_text(tiny_yaml(network=source, train=SHORT))
    (folder / "cam.yaml").write_text(tiny_yaml(network={"prediction_types": "cam", "use_syncbn": True}, train=SHORT))
    place = Place(folder, data.root, data.list)
    torch.manual_seed(8)
    torch.save({"embedding_model": build_embedding(place.config("embedding")).state_dict()}, folder / "source.pth")
    return place


@pytest.fixture(scope="module")
def ranks(place):
    """What two gloo processes got."""
    torch.multiprocessing.spawn(work, (place,), RANKS)
    return [torch.load(place.folder / f"rank{rank}.pth", weights_only=True) for rank in range(RANKS)]


@pytest.fixture(scope="module")
def one(place, ranks):
    """The steps in one process."""
    return alone(place.config("embedding"))


def test_the_ranks_have_uneven_numbers_of_segments(one):
    counts = [step["counts"] for step in one]
    assert counts[0][0] > 2 * counts[0][1] > 0
    assert counts[2][1] == 0 < counts[2][0]
    assert counts[3] == [0, 0]


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_two_processes_give_the_gradient_of_one_that_computes_the_mean_over_ranks(ranks, one, iteration):
    expected = one[iteration]["gradient"]
    for rank in ranks:
        torch.testing.assert_close(rank["steps"][iteration]["gradient"], expected, rtol=1e-4, atol=1e-6)
    assert (expected.norm() > 0.01) == (iteration < 3)


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_the_bank_is_equal_on_every_rank_and_in_one_process(ranks, one, iteration):
    for name, expected in one[iteration]["memory"].items():
        for rank in ranks:
            torch.testing.assert_close(
                rank["steps"][iteration]["memory"][name], expected.detach(), rtol=1e-5, atol=1e-6
            )


def test_numbers_are_averaged_over_ranks_alike(ranks):
    first, second = ([step["accuracy"] for step in rank["steps"]] for rank in ranks)
    assert first == second


def test_every_rank_ends_alike_where_the_loss_of_one_is_not_finite(ranks):
    first, second = (rank["said"] for rank in ranks)
    assert [line.partition(";")[0] for line in first] == [
        "",
        "iteration 1: the loss is not finite (sem_ann nan)",
        "iteration 2: the loss is not finite (sem_ann inf)",
    ]
    assert second == first


def test_gathered_rows_leave_the_gradient_that_comes_in_as_it_is(ranks):
    for number, rank in enumerate(ranks, 1):
        assert (rank["gathered"]["incoming"] == number).all()
        assert rank["gathered"]["outgoing"].tolist() == [[3.0, 3.0]] * number


def test_a_joined_batch_norm_of_uneven_parts_equals_one_on_the_joint_batch(ranks):
    norm, (x, w) = filled_norm(nn.BatchNorm2d), norm_batch()
    x = x.clone().requires_grad_()
    y = norm(x)
    (y * w).sum().backward()
    parts = [rank["norm"] for rank in ranks]
    torch.testing.assert_close(torch.cat([p["output"] for p in parts]), y.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(torch.cat([p["input"] for p in parts]), x.grad, rtol=1e-5, atol=1e-6)
    for name, parameter in norm.named_parameters():
        torch.testing.assert_close(sum(p[name] for p in parts), parameter.grad, rtol=1e-5, atol=1e-6)
    for name, buffer in norm.named_buffers():
        for part in parts:
            torch.testing.assert_close(part["statistics"][name], buffer, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3])
def test_processes_of_uneven_segments_and_one_without_any_give_the_gradient_of_one(trunk, place, count):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(found.getsockname()[1]), "WORLD_SIZE": str(count)}
    words = [Path(__file__).with_name("steps_of_a_rank.py"), place.folder, place.root, place.list]
    started = [trunk.start(words, **meeting, RANK=str(rank)) for rank in range(count)]
    assert [rank.wait() for rank in started] == [0] * count, started[0].stderr
    for rank in range(count):
        found = torch.load(place.folder / f"steps{count}-{rank}.pth", weights_only=True)
        for mine, one in zip(found, alone(place.config("embedding"), count), strict=True):
            assert (mine["gradient"] - one["gradient"]).norm() <= 1e-5 * one["gradient"].norm()


def assert_equal_trees(got, expected, **tolerance):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, msg=lambda text, name=name: f"{name}: {text}", **tolerance)


@pytest.mark.parametrize("name", ["classifier", "cam", "embedding", "resumed"])
def test_training_ends_with_equal_weights_on_both_ranks(ranks, name):
    first, second = (rank["trained"][name] for rank in ranks)
    assert first["said"] == second["said"] == ""
    joined = name in ("classifier", "cam")  # others keep the statistics of their own last batch
    first, second = ({k: v for k, v in r["weights"].items() if joined or "running" not in k} for r in (first, second))
    assert len(first) > 20
    assert_equal_trees(second, first, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["classifier", "cam"])
def test_two_processes_train_like_one_on_the_joint_batch(place, ranks, name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spml.models.classifier.DROPOUT", {"segsort": 0.0, "softmax_classifier": 0.0})
        joint = trained(place, name, f"{name}-alone", batch_size=2 * RANKS)
    assert joint["said"] == ""
    assert_equal_trees(ranks[0]["trained"][name]["weights"], joint["weights"], rtol=1e-5, atol=1e-6)


def test_ranks_that_do_not_share_their_folders_resume_alike_where_the_first_one_stopped(ranks):
    for rank in ranks:
        runs = rank["trained"]
        assert runs["resumed"]["said"] == ""
        assert_equal_trees(runs["resumed"]["weights"], runs["embedding"]["weights"], rtol=0, atol=0)
        whole, parts = (runs[name]["memory"] for name in ("embedding", "resumed"))
        assert whole["images_seen"] == parts["images_seen"]
        for a, b in zip(whole["entries"], parts["entries"], strict=True):
            assert_equal_trees(b, a, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "words"), [("refused", "holds snapshots already"), ("broken", "model-1.pth: not a readable weight file")]
)
def test_what_the_first_rank_is_refused_for_ends_all(ranks, name, words):
    assert all(words in rank["trained"][name]["said"] for rank in ranks)


def test_no_thread_of_the_group_outlives_it(ranks):
    assert [rank["threads"] for rank in ranks] == [[], []]


def test_batch_norms_are_joined_under_their_own_names_where_asked_to(monkeypatch):
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, momentum=0.2)), nn.BatchNorm2d(4)
    ).eval()
    before = dict(network.state_dict(keep_vars=True))
    joined = join_batch_norm(network, torch.device("cpu"))
    after = dict(joined.state_dict(keep_vars=True))
    assert before.keys() == after.keys()
    assert all(value is after[name] for name, value in before.items())
    assert isinstance(joined[0][1], JoinedBatchNorm2d)
    assert (joined[0][1].momentum, joined[1].training) == (0.2, False)
    assert not joins_batch_norm(True)
    monkeypatch.setattr("spml.engine.batch_norm.world_size", lambda: 2)
    assert (joins_batch_norm(True), joins_batch_norm(False)) == (True, False)


def test_one_process_is_a_world_of_its_own():
    x = torch.randn(3, 2, requires_grad=True)
    assert (processes.rank(), processes.world_size()) == (0, 1)
    assert processes.gather_counts(3, "cpu") == [3]
    assert processes.gather_rows(x, [3]) is x
    assert processes.any_of_ranks(torch.tensor(True)) and not processes.any_of_ranks(torch.tensor(False))
    assert processes.mean_over_ranks({"a": torch.tensor(2.0), "b": 3}) == {"a": 2.0, "b": 3.0}
    assert processes.mean_over_ranks({}) == {}
    assert processes.mean_count(torch.tensor(3)) == 3
    assert processes.from_first(lambda: "read") == "read"


@pytest.mark.parametrize("name", ["teapot", "cuda:99", "cpu:x", "meta"])
def test_a_device_that_is_not_there_is_an_error_that_names_it(name):
    with pytest.raises(UserError, match=f"--device {name}: cannot be used here"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_the_device_is_the_cpu_unless_another_is_asked_for():
    assert choose_device() == torch.device("cpu")
    with pytest.raises(UserError, match="--device cuda"):
        choose_device("cuda")


def test_torchrun_trains_with_two_processes(tiny_data, write_config, tmp_path):
    words = [ROOT / "pyscripts" / "train" / "train.py", "--cfg_path", write_config(train={"max_iteration": 2})]
    words += ["--data_dir", tiny_data.root, "--data_list", tiny_data.list, "--snapshot_dir", tmp_path / "run"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [*torchrun, *map(str, words), "--device", "cpu"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("random initial value") == 1
    state = torch.load(tmp_path / "run" / "state-1.pth", weights_only=True)
    assert sorted(p.name for p in (tmp_path / "run").glob("*.pth")) == ["model-1.pth", "state-1.pth"]
    images = state["memory"]["entries"][-1]["image"]
    assert state["memory"]["images_seen"] == 8
    assert len(images.unique()) == 4
