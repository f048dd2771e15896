"""Snapshots: what is written, when, and what is said of those that cannot be resumed from."""

import pytest
import torch

from spml.engine.checkpoint import resume_newest, write_snapshot
from spml.engine.optim import SGD, parameter_groups
from spml.engine.tasks import EmbeddingTask
from spml.errors import UserError
from spml.models.snapshots import snapshot_iterations
from spml.models.soundness import tensor_sum
from spml.segments.memory_bank import MemoryBank
from spml.segments.prototypes import Prototypes

CPU = torch.device("cpu")


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


class Run:
    """A task with its optimiser and memory, after `steps` steps along random gradients."""

    def __init__(self, config, seed, steps=0):
        torch.manual_seed(seed)
        self.task = EmbeddingTask(config)
        groups = parameter_groups(self.task.embedding_model, self.task.prediction_model, 5e-4)
        self.optimizer, self.memory = SGD(groups, 0.9), MemoryBank(2)
        for step in range(steps):
            self.step(step)

    def step(self, seed):
        g = torch.Generator().manual_seed(seed)
        for p in self.task.parameters():
            p.grad = torch.randn(p.shape, generator=g) if p.requires_grad else None
        self.optimizer.step(0.01)
        label = torch.arange(3)
        u, local = torch.randn(3, 8, generator=g), torch.randn(3, 10, generator=g)
        self.memory.append(Prototypes(u, local, label, label, label, torch.ones(3, 4).bool()))

    def save(self, folder, iteration, **options):
        write_snapshot(folder, iteration, self.task, self.optimizer, self.memory, **options)

    def resume(self, folder):
        return resume_newest(folder, self.task, self.optimizer, self.memory, CPU)

    def weights(self):
        return self.task.state_dict()


def test_a_resumed_run_has_the_weights_the_momentum_and_the_memory(tiny_config, tmp_path):
    config = tiny_config()
    run, resumed = Run(config, 1, steps=3), Run(config, 2)
    run.save(tmp_path, 41)
    assert resumed.resume(tmp_path) == 42
    for r in (run, resumed):
        r.step(9)
    assert all(torch.equal(v, resumed.weights()[k]) for k, v in run.weights().items())
    known = [r.memory.extend(r.memory.entries[0]) for r in (run, resumed)]
    assert all(torch.equal(a, b) for a, b in zip(*(vars(k).values() for k in known), strict=True))


def test_a_snapshot_holds_plain_tensors_in_the_published_format(tiny_config, tmp_path):
    Run(tiny_config(), 1, steps=1).save(tmp_path, 4)
    content = torch.load(tmp_path / "model-4.pth", weights_only=True)
    assert set(content) == {"embedding_model", "prediction_model"}
    assert "resnet_backbone.conv1.conv1.0.weight" in content["embedding_model"]
    assert "semantic_classifier.4.bias" in content["prediction_model"]


def test_every_model_is_kept_and_the_states_of_the_newest(tiny_config, tmp_path):
    run = Run(tiny_config(), 1, steps=1)
    (tmp_path / "state-4.pth").write_text("its model was never written")
    for iteration in (1, 3, 11):
        run.save(tmp_path, iteration)
    models = ["model-1.pth", "model-11.pth", "model-3.pth"]
    assert sorted(p.name for p in tmp_path.glob("*.pth")) == [*models, "state-11.pth", "state-3.pth"]
    run.save(tmp_path, 12, keep=1)
    assert sorted(p.name for p in tmp_path.glob("state*")) == ["state-12.pth"]
    assert snapshot_iterations(tmp_path) == [1, 3, 11, 12]


@pytest.mark.parametrize("broken_write", [0, 1])
def test_a_crash_while_writing_leaves_the_older_snapshot_to_go_on_from(
    tiny_config, tmp_path, monkeypatch, broken_write
):
    config = tiny_config()
    run, resumed = Run(config, 1, steps=1), Run(config, 2)
    run.save(tmp_path, 1)
    expected = {k: v.clone() for k, v in run.weights().items()}
    run.step(5)
    real_save, written = torch.save, []

    def save(content, path):
        written.append(path)
        real_save(content, path)
        if len(written) > broken_write:
            raise RuntimeError("disk full")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(RuntimeError):
        run.save(tmp_path, 3)
    assert not list(tmp_path.glob(".*partial*"))
    assert resumed.resume(tmp_path) == 2
    assert all(torch.equal(v, resumed.weights()[k]) for k, v in expected.items())


def test_without_a_snapshot_there_is_nothing_to_resume(tiny_config, tmp_path):
    assert Run(tiny_config(), 1).resume(tmp_path) is None


def test_a_snapshot_without_its_state_is_an_error_that_names_both(tiny_config, tmp_path):
    run = Run(tiny_config(), 1, steps=1)
    run.save(tmp_path, 7)
    (tmp_path / "state-7.pth").unlink()
    message = complaint(run.resume, tmp_path)
    assert "state-7.pth" in message
    assert "model-7.pth" in message


def test_momentum_of_other_parameters_is_an_error(tiny_config, tmp_path):
    Run(tiny_config(), 1, steps=1).save(tmp_path, 7)
    assert "train.freeze_at" in complaint(Run(tiny_config(train={"freeze_at": 3}), 1).resume, tmp_path)


def test_a_snapshot_of_another_network_is_an_error_that_names_it(tiny_config, tmp_path):
    Run(tiny_config(), 1, steps=1).save(tmp_path, 7)
    assert "model-7.pth" in complaint(Run(tiny_config(network={"embedding_dim": 9}), 1).resume, tmp_path)


@pytest.mark.parametrize("name", ["model-7.pth", "state-7.pth"])
@pytest.mark.parametrize(
    "content", [b"text", [1, 2], {"iteration": 7}, {"iteration": 7, "optimizer": {0: {"momentum": 1}}, "memory": {}}]
)
def test_a_broken_snapshot_is_an_error_that_names_it(tiny_config, tmp_path, name, content):
    run = Run(tiny_config(), 1, steps=1)
    run.save(tmp_path, 7)
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        torch.save(content, tmp_path / name)
    assert name in complaint(run.resume, tmp_path)


def flip_a_bit(path, of):
    """Flip one bit of a tensor that a function picks from a file's content, as a bad disk would."""
    content = torch.load(path, weights_only=True)
    of(content).view(torch.int32).view(-1)[-1] ^= 1
    torch.save(content, path)


def changed(path, change):
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


def first_momentum(state):
    return state["optimizer"][0]["momentum"]


def first_weight(model):
    return model["embedding_model"]["resnet_backbone.conv1.conv1.0.weight"]


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("model-7.pth", first_weight),
        ("state-7.pth", first_momentum),
        ("state-7.pth", lambda state: state["memory"]["entries"][0]["embedding"]),
    ],
)
def test_one_flipped_bit_is_noticed(tiny_config, tmp_path, name, of):
    run = Run(tiny_config(), 1, steps=1)
    run.save(tmp_path, 7)
    flip_a_bit(tmp_path / name, of)
    assert f"{name}: its content is not what was written" in complaint(run.resume, tmp_path)


def resummed(state):
    """Give a state the check sum of what it holds, as one who means to deceive would."""
    state["sums"]["state"] = tensor_sum({name: state[name] for name in ("iteration", "optimizer", "memory")})


def entry(state):
    return state["memory"]["entries"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update(iteration="7"), "its iteration is '7', expected 7"),
        (lambda s: s.update(iteration=-3), "its iteration is -3, expected 7"),
        (lambda s: s.update(iteration=5), "its iteration is 5, expected 7"),
        (lambda s: s.update(format_version=9), "format_version is 9, this program reads 1"),
        (lambda s: s.update(sums=None), "holds no training state"),
        (lambda s: s.update(optimizer={}), "holds no momentum"),
        (lambda s: s.update(optimizer=[1]), "holds no momentum"),
        (lambda s: s.update(memory=[1]), "its memory bank is none of this program"),
        (lambda s: s["memory"].update(images_seen="many"), "its memory bank is none of this program"),
        (lambda s: s["memory"].update(images_seen=10**30), "its memory bank is none of this program"),
        (lambda s: s["memory"].update(entries=[3]), "holds no prototypes"),
        (lambda s: entry(s).update(embedding=torch.zeros(3, 9)), "embedding in its memory bank has shape (3, 9)"),
        (lambda s: entry(s).update(semantic=torch.tensor(3)), "in its memory bank has shape"),
        (lambda s: entry(s).update(image=torch.zeros(3)), "image in its memory bank is torch.float32"),
        (lambda s: entry(s)["embedding"].fill_(float("nan")), "embedding holds values that are not finite"),
        (lambda s: first_momentum(s).fill_(float("inf")), "momentum 0 holds values that are not finite"),
    ],
)
def test_a_state_that_cannot_be_is_one_line_even_with_its_sum_made_to_fit(tiny_config, tmp_path, change, words):
    run = Run(tiny_config(), 1, steps=1)
    run.save(tmp_path, 7)
    changed(tmp_path / "state-7.pth", lambda state: (change(state), state["sums"] and resummed(state)))
    message = complaint(run.resume, tmp_path)
    assert "state-7.pth" in message and words in message


def test_a_state_of_another_iteration_is_noticed(tiny_config, tmp_path):
    run = Run(tiny_config(), 1, steps=1)
    run.save(tmp_path, 7)
    run.save(tmp_path, 8)
    (tmp_path / "state-7.pth").replace(tmp_path / "state-8.pth")
    assert "state-8.pth: its iteration is 7, expected 8" in complaint(run.resume, tmp_path)


def test_a_broken_newest_snapshot_is_named_and_the_one_before_it_offered(tiny_config, tmp_path):
    run, resumed = Run(tiny_config(), 1, steps=1), Run(tiny_config(), 2)
    run.save(tmp_path, 7)
    run.step(4)
    run.save(tmp_path, 8)
    flip_a_bit(tmp_path / "model-8.pth", first_weight)
    message = complaint(resumed.resume, tmp_path)
    assert "model-8.pth: its content is not what was written" in message
    assert f"model-7.pth before it is whole: to go on from there, remove model-8.pth from {tmp_path}" in message
    (tmp_path / "model-8.pth").unlink()
    assert resumed.resume(tmp_path) == 8


def test_no_snapshot_is_offered_that_is_not_whole(tiny_config, tmp_path):
    run = Run(tiny_config(), 1, steps=1)
    for iteration in (7, 8):
        run.save(tmp_path, iteration)
        flip_a_bit(tmp_path / f"model-{iteration}.pth", first_weight)
    assert complaint(run.resume, tmp_path).endswith("damaged or changed")


def test_weights_that_are_not_finite_are_never_written(tiny_config, tmp_path):
    run = Run(tiny_config(), 1, steps=1)
    run.save(tmp_path, 7)
    run.task.embedding_model.resnet_backbone.conv1.conv1[0].weight.data[:] = float("nan")
    assert "iteration 8, no snapshot written: resnet_backbone.conv1.conv1.0.weight" in complaint(run.save, tmp_path, 8)
    assert sorted(p.name for p in tmp_path.glob("*.pth")) == ["model-7.pth", "state-7.pth"]
