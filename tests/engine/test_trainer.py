"""The training loop: what it writes, resuming, stopping; called as its scripts call it, and as a library."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_tasks import random_batch

from spml.commands import train as commands
from spml.config import load_config, rules
from spml.data.files import read_label, write_image
from spml.data.lists import read_list
from spml.data.run_lock import run_lock
from spml.engine import trainer
from spml.engine.finite import FiniteWatch
from spml.engine.tasks import TASKS, EmbeddingTask, StepResult
from spml.errors import UserError
from spml.losses.relations import RELATIONS

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {
    "segsort": commands.train_embedding,
    "softmax_classifier": commands.train_classifier,
    "cam": commands.train_cam,
}


@pytest.fixture
def train(tiny_data, write_config, tmp_path):
    """Trains the tiny network on the tiny data; returns the snapshot folder."""

    def run(folder, *flags, kind="segsort", **changes):
        argv = ["--cfg_path", write_config(**changes), "--data_dir", tiny_data.root, "--data_list", tiny_data.list]
        argv += ["--snapshot_dir", tmp_path / folder, "--device", "cpu", *flags]
        SCRIPTS[kind]([str(word) for word in argv])
        return tmp_path / folder

    return run


def tensors(content, prefix=""):
    """All tensors, numbers and texts of nested dicts and lists, by their path."""
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        return {name: v for key, value in items for name, v in tensors(value, f"{prefix}/{key}").items()}
    return {prefix: torch.as_tensor(list(content.encode()) if isinstance(content, str) else content)}


def everything(folder, iteration):
    """All that the snapshot of an iteration holds: weights, momentum, memory."""
    files = (folder / f"{kind}-{iteration}.pth" for kind in ("model", "state"))
    return {f"{f.name}{k}": v for f in files for k, v in tensors(torch.load(f, weights_only=True)).items()}


def interrupt(monkeypatch, at):
    """Ctrl-C in the given iteration, after its loss."""
    real = FiniteWatch.note

    def stop(self, result, iteration):
        real(self, result, iteration)
        if iteration == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(FiniteWatch, "note", stop)


FOUR = {"max_iteration": 4, "snapshot_step": 2}


def test_an_interrupted_and_resumed_run_equals_the_uninterrupted_one_bit_for_bit(train, monkeypatch):
    whole = train("whole", train=FOUR)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, at=3)
        train("parts", train=FOUR)
    resumed = train("parts", "--opts", "train.resume", "true", train=FOUR)
    expected, got = everything(whole, 3), everything(resumed, 3)
    assert expected.keys() == got.keys()
    assert sum("/momentum" in name for name in got) > 20
    assert sum("/memory/entries" in name for name in got) == 2 * 6
    assert [name for name, value in expected.items() if not torch.equal(value, got[name])] == []


def test_a_run_resumed_before_its_bank_is_full_equals_the_uninterrupted_one_bit_for_bit(train, monkeypatch):
    settings = {"max_iteration": 4, "snapshot_step": 1, "memory_bank_size": 4}
    whole = train("whole", train=settings)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, at=1)
        train("parts", train=settings)
    resumed = train("parts", "--opts", "train.resume", "true", train=settings)
    expected, got = everything(whole, 3), everything(resumed, 3)
    assert expected.keys() == got.keys()
    assert [name for name, value in expected.items() if not torch.equal(value, got[name])] == []


def test_a_run_learns_and_its_iterations_differ(train):
    folder = train("run", train={"snapshot_step": 1})
    first, last = (torch.load(folder / f"model-{i}.pth", weights_only=True) for i in (0, 2))
    for name in ("aspp.aspp_1.0.weight", "resnet_backbone.res5.0.conv1.weight"):
        assert not torch.equal(first["embedding_model"][name], last["embedding_model"][name])


def test_the_seed_decides_the_run(train):
    folders = [train(name, "--opts", "train.seed", seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    a, b, c = (everything(folder, 2) for folder in folders)
    assert all(torch.equal(v, b[k]) for k, v in a.items())
    assert not torch.equal(*(x["model-2.pth/embedding_model/aspp.aspp_1.0.weight"] for x in (a, c)))


def test_a_run_leaves_snapshots_its_configuration_and_its_curves(train, write_config, log):
    folder = train("run", train={"snapshot_step": 2})
    names = {p.name for p in folder.iterdir()}
    assert names == {"model-1.pth", "state-1.pth", "model-2.pth", "state-2.pth", "config_merged.yaml", "tensorboard"}
    assert load_config(folder / "config_merged.yaml") == load_config(write_config(train={"snapshot_step": 2}))
    assert [level for level, text in log if "random initial value" in text] == ["INFO"]


def test_curves_hold_each_loss_the_accuracy_the_rate_speed_and_memory(train):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(train("run") / "tensorboard"))
    events.Reload()
    losses = {f"loss/{name}" for name in ("sem_ann", "sem_occ", "img_sim", "cross_entropy", "total")}
    assert set(events.Tags()["scalars"]) == losses | {"accuracy", "rate", "images_per_second", "peak_memory_mib"}
    assert [e.step for e in events.Scalars("loss/total")] == [2, 3]
    weights = {"sem_ann": 0.3, "cross_entropy": 0.3, "sem_occ": 0.3, "img_sim": 0.1}
    last = {name: events.Scalars(f"loss/{name}")[-1].value for name in (*weights, "total")}
    assert last["total"] == pytest.approx(sum(w * last[name] for name, w in weights.items()), rel=1e-5)
    assert events.Scalars("rate")[-1].value == pytest.approx(0.003 * (1 - 2 / 3) ** 0.9, rel=1e-5)
    assert events.Tags()["images"] == ["batch"]


def test_a_folder_with_snapshots_is_not_overwritten(train):
    folder = train("run", train={"max_iteration": 1})
    before = (folder / "model-0.pth").read_bytes()
    with pytest.raises(UserError, match=r"holds snapshots already; set train.resume: true"):
        train("run", train={"max_iteration": 1})
    assert (folder / "model-0.pth").read_bytes() == before


def test_a_folder_with_snapshots_is_refused_before_data_and_weights_are_looked_at(train, tiny_data):
    train("run", train={"max_iteration": 1})
    tiny_data.list.unlink()
    with pytest.raises(UserError, match="holds snapshots already"):
        train("run", network={"pretrained": "nowhere.pth"})


@pytest.mark.parametrize("kind", ["segsort", "softmax_classifier", "cam"])
def test_a_resumed_run_does_not_need_the_weights_it_began_with(train, kind, monkeypatch):
    source = train("source", train={"max_iteration": 1}) / "model-0.pth"
    network = {"prediction_types": kind, "pretrained": str(source)}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, at=3)
        train("run", kind=kind, train=FOUR, network=network)
    source.unlink()
    folder = train("run", "--opts", "train.resume", "true", kind=kind, train=FOUR, network=network)
    assert (folder / "model-3.pth").is_file()


def test_resuming_in_an_empty_folder_begins_and_a_finished_run_stays_as_it_is(train, log):
    folder = train("run", "--opts", "train.resume", "true")
    before = everything(folder, 2)
    train("run", "--opts", "train.resume", "true")
    assert log[-1] == ("INFO", "resuming at iteration 3")
    assert all(torch.equal(v, before[k]) for k, v in everything(folder, 2).items())


def test_a_run_that_went_beyond_the_last_iteration_is_not_resumed(train):
    folder = train("run", train={"max_iteration": 3, "snapshot_step": 3})
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(UserError, match="newest snapshot is of iteration 2; set train.max_iteration, 2, to 3 or more"):
        train("run", "--opts", "train.resume", "true", train={"max_iteration": 2})
    assert {path.name for path in folder.iterdir()} == before


def test_a_loss_that_is_not_finite_stops_the_run_before_any_snapshot(train, tmp_path):
    source = train("source", train={"max_iteration": 1}) / "model-0.pth"
    content = torch.load(source, weights_only=True)
    content["embedding_model"]["aspp.aspp_1.0.weight"][:] = 3e38
    torch.save(content, tmp_path / "huge.pth")
    with pytest.raises(UserError) as error:
        train("run", train={"snapshot_step": 1}, network={"pretrained": str(tmp_path / "huge.pth")})
    assert "iteration 0: the loss is not finite (" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_first_iteration_that_fails_leaves_nothing_and_a_later_one_what_led_to_it(train, tmp_path, monkeypatch):
    for at, left in ((0, set()), (1, {"config_merged.yaml", "tensorboard"})):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt(patch, at)
            train("run")
        assert {path.name for path in (tmp_path / "run").glob("*")} == left


def test_the_second_stage_trains_a_fresh_classifier_on_the_first_stages_embedding(train, log):
    first = train("first", train={"max_iteration": 1}) / "model-0.pth"
    network = {"prediction_types": "softmax_classifier", "pretrained": str(first)}
    second = train("second", kind="softmax_classifier", network=network) / "model-2.pth"
    before, after = (torch.load(path, weights_only=True) for path in (first, second))
    assert all(torch.equal(v, after["embedding_model"][k]) for k, v in before["embedding_model"].items())
    assert not any(
        torch.equal(v, after["prediction_model"][k])
        for k, v in before["prediction_model"].items()
        if k.endswith("weight")
    )
    assert any("0 left at their initial value" in text for _, text in log)


def test_each_stage_has_its_own_augmentation(tiny_config):
    embedding = trainer.augmentation(tiny_config(dataset={"mirror_classes": [0, 1, 3, 2]}))
    assert (embedding.scale, embedding.colour, embedding.mirror_classes) == ((0.5, 1.5), False, (0, 1, 3, 2))
    classifier = trainer.augmentation(tiny_config(network={"prediction_types": "softmax_classifier"}))
    assert (classifier.scale, classifier.colour) == ((0.5, 2.0), True)
    assert (classifier.crop, classifier.mean) == ((32, 32), (0.485, 0.456, 0.406))
    off = {"random_scale": False, "random_mirror": False, "random_crop": False}
    still = trainer.augmentation(tiny_config(train=off))
    assert (still.scale, still.mirror, still.random_crop) == (None, False, False)


def test_a_script_refuses_the_configuration_of_the_other_stage(train):
    with pytest.raises(
        UserError, match="network.prediction_types is 'segsort', this script needs 'softmax_classifier'"
    ):
        train("run", kind="softmax_classifier")


def test_masks_without_an_unlabelled_pixel_get_a_warning_that_names_the_option(train, tiny_data, log):
    train("first", train={"max_iteration": 1})
    assert not any("unlabelled_index" in text for _, text in log)
    for path in (tiny_data.root / "semantic").iterdir():
        label = read_label(path)
        write_image(path, np.where(label == 254, 255, label).astype(np.uint8))
    train("second", train={"max_iteration": 1})
    (warning,) = [text for level, text in log if level == "WARNING"]
    assert "set dataset.unlabelled_index: 255" in warning


def test_data_may_be_named_in_the_configuration(tiny_data, write_config, tmp_path):
    named = {"data_dir": str(tiny_data.root), "train_data_list": str(tiny_data.list)}
    path = write_config(dataset=named, train={"max_iteration": 1})
    commands.train_embedding(["--cfg_path", str(path), "--snapshot_dir", str(tmp_path / "run")])
    assert (tmp_path / "run" / "model-0.pth").is_file()
    for key, flag in (("data_dir", "--data_dir"), ("train_data_list", "--data_list")):
        path = write_config(dataset={**named, key: ""})
        with pytest.raises(UserError, match=f"{flag} is not given and dataset.{key} is empty"):
            commands.train_embedding(["--cfg_path", str(path), "--snapshot_dir", str(tmp_path / "other")])


def test_images_in_channels_last_and_bfloat16_train_too(train):
    folder = train("run", train={"channels_last": True, "amp": "bf16", "max_iteration": 2})
    assert all(torch.isfinite(v).all() for v in everything(folder, 1).values() if v.is_floating_point())


def test_float16_scales_its_gradients_and_resumes_bit_for_bit(train, monkeypatch):
    settings = {**FOUR, "amp": "fp16"}
    whole = train("whole", train=settings)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, at=3)
        train("parts", train=settings)
    expected = everything(whole, 3)
    got = everything(train("parts", "--opts", "train.resume", "true", train=settings), 3)
    assert expected["state-3.pth/scaler/scale"] > 1
    assert [name for name, value in expected.items() if not torch.equal(value, got[name])] == []


def accumulated(config, batch, tmp_path):
    """A run after one iteration in which every layer computes as at inference, and what it gave."""
    run = trainer.build_run(config, tmp_path, torch.device("cpu"))
    run.task.eval()
    return run, trainer.step(run, run.task, batch, 0)[0]


def test_accumulated_parts_update_as_the_larger_batch_does_by_cross_entropy(tiny_config, tmp_path):
    settings = {f"{name}_loss_types": "none" for name in ("sem_ann", "sem_occ", "img_sim")}
    settings |= {"cross_entropy_trains_embedding": True, "base_lr": 1.0}
    batch = random_batch(images=4)
    batch.semantic[0] = 254  # parts with unequal numbers of labelled pixels
    (whole, a), (parts, b) = (
        accumulated(tiny_config(train={**settings, "accumulate": count}), batch, tmp_path) for count in (1, 2)
    )
    torch.testing.assert_close(a.total.detach(), b.total)
    before = trainer.build_run(whole.config, tmp_path, torch.device("cpu")).task.state_dict()
    moved = 0
    for name, value in whole.task.state_dict().items():
        torch.testing.assert_close(parts.task.state_dict()[name], value, rtol=1e-4, atol=1e-5)
        moved += not torch.equal(value, before[name])
    assert moved > 10


def test_accumulated_parts_are_remembered_as_one_iteration(tiny_config, tmp_path):
    run, result = accumulated(tiny_config(train={"accumulate": 2}), random_batch(images=4), tmp_path)
    (entry,) = run.memory.entries
    assert (-1 - entry.image).unique().tolist() == [0, 1, 2, 3]
    assert result.losses.keys() == {"cross_entropy", "sem_ann", "sem_occ", "img_sim"}


def test_accumulation_draws_as_many_images_as_its_parts_hold(train, monkeypatch):
    seen, real = [], trainer.step
    monkeypatch.setattr(
        trainer, "step", lambda run, model, batch, i: seen.append(len(batch.image)) or real(run, model, batch, i)
    )
    folder = train("run", train={"accumulate": 2, "max_iteration": 2})
    assert seen == [4, 4]
    assert (folder / "model-1.pth").is_file()


@pytest.fixture
def samples(tiny_data):
    """The tiny data as samples of a library user."""
    return read_list(tiny_data.root, tiny_data.list)


@pytest.mark.parametrize("kind", ["segsort", "cam"])
def test_a_library_user_trains_what_the_configuration_names(tiny_config, samples, tmp_path, capfd, kind):
    config = tiny_config(network={"prediction_types": kind}, train={"max_iteration": 2})
    path = trainer.train(config, samples, tmp_path / "run", device="cpu")
    assert path == tmp_path / "run" / "model-1.pth"
    assert set(torch.load(path, weights_only=True)) == {"embedding_model", "prediction_model"}
    assert capfd.readouterr() == ("", "")


def test_a_library_user_is_told_of_samples_without_labels(tiny_config, samples, tmp_path):
    for given, words in (
        ([], "no sample to train on"),
        ([samples[0].__class__(samples[0].image)], "sample a: names no label"),
    ):
        with pytest.raises(UserError, match=words):
            trainer.train(tiny_config(), given, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


class Greyness(EmbeddingTask):
    """A way to train as one adds it: embedding and classifier towards zero."""

    def forward(self, batch, memory):
        embedding = self.embedding_model(batch.image)
        loss = self.prediction_model(embedding).square().mean() + embedding[:, 0].square().mean()
        return StepResult(loss, {"greyness": loss}, embedding.detach(), lambda: 1 - loss.detach())


def test_a_new_way_to_train_is_a_task_its_line_and_its_name(tiny_config, samples, tmp_path, monkeypatch):
    monkeypatch.setitem(TASKS, "grey", Greyness)
    monkeypatch.setitem(rules._CHOICES, "network.prediction_types", ("segsort", "grey"))
    config = tiny_config(network={"prediction_types": "grey"}, train={"max_iteration": 2, "snapshot_step": 1})
    path = trainer.train(config, samples, tmp_path / "run", device="cpu")
    first, last = (tensors(torch.load(path.with_name(f"model-{i}.pth"), weights_only=True)) for i in (0, 1))
    moved = {name.split("/")[1] for name, value in last.items() if not torch.equal(value, first[name])}
    assert moved == {"embedding_model", "prediction_model"}


def test_deterministic_algorithms_are_asked_for_while_it_trains_alone(train, monkeypatch):
    asked, real = [], trainer.loop
    monkeypatch.setattr(
        trainer,
        "loop",
        lambda *args: [asked.append(torch.are_deterministic_algorithms_enabled()), real(*args)],
    )
    plain = train("plain", train={"max_iteration": 2})
    same = train("same", train={"max_iteration": 2, "deterministic": True})
    assert asked == [False, True]
    assert not torch.are_deterministic_algorithms_enabled()
    a, b = everything(plain, 1), everything(same, 1)
    assert all(torch.equal(v, b[k]) for k, v in a.items())


def test_a_folder_that_another_process_trains_into_is_refused(train, tmp_path):
    folder = tmp_path / "run"
    with run_lock(folder / ".lock", folder, "trains"), pytest.raises(UserError, match=f"process {os.getpid()} on .*"):
        train("run", "--opts", "train.resume", "true")
    assert not folder.exists()


@pytest.mark.parametrize("kind", ["full", "unsupervised"])
@pytest.mark.parametrize("data_set", ["voc12", "toy"])
def test_the_rows_of_segsort_train(data_set, kind, tiny_data, tmp_path):
    small = {"network.backbone_types": "panoptic_deeplab_tiny", "network.pretrained": "", "network.use_syncbn": False}
    small |= {"network.kmeans_num_clusters": [2, 2], "train.crop_size": [32, 32], "train.batch_size": 2}
    small |= {"train.max_iteration": 2, "train.warmup_iteration": 0, "num_threads": 0, "train.freeze_at": 0}
    config = load_config(ROOT / "configs" / data_set / f"segsort_{kind}.yaml", small)
    present = {name for name in RELATIONS if config.train[f"{name}_loss_types"] != "none"}
    assert present == ({"sem_ann"} if kind == "full" else {"img_sim"})
    assert config.train.label_maps == (kind == "full")
    trainer.train(config, read_list(tiny_data.root, tiny_data.list), tmp_path / "run", "cpu")
    weights = torch.load(tmp_path / "run/model-1.pth", weights_only=True)["embedding_model"]
    assert all(value.isfinite().all() for value in weights.values())
