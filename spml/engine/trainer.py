"""The training loop, for every data set, network and objective."""

import logging
import signal
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from spml.config import Config
from spml.data.datasets import Augmentation, Batch, WeakLabelDataset
from spml.data.lists import Sample
from spml.data.run_lock import run_lock
from spml.data.stream import StreamSampler, make_loader, read_batches, worker_deaths
from spml.devices import choose_device
from spml.engine.batch_norm import join_batch_norm, joins_batch_norm
from spml.engine.checkpoint import resume_newest, write_snapshot
from spml.engine.deterministic import deterministic_algorithms
from spml.engine.memory_needs import need_training_memory
from spml.engine.monitor import Monitor
from spml.engine.optim import SGD, learning_rate, parameter_groups
from spml.engine.processes import (
    any_rank,
    from_first,
    held_by_first,
    largest,
    mean_over_ranks,
    process_group,
    rank,
    world_size,
)
from spml.engine.tasks import StepResult, Task, build_memory, build_task, load_weights
from spml.errors import Interrupted, UserError
from spml.interrupts import deferred_signals
from spml.models.snapshots import snapshot_iterations
from spml.segments.memory_bank import MemoryBank

EMBEDDING_SCALES, CLASSIFIER_SCALES = (0.5, 1.5), (0.5, 2.0)

logger = logging.getLogger(__name__)


@dataclass
class Run:
    """What a training run holds: its configuration, folder and device, and what changes from iteration to iteration."""

    config: Config
    folder: Path
    device: torch.device
    task: Task
    optimizer: SGD
    memory: MemoryBank


def train(config: Config, samples: list[Sample], snapshot_dir: str | Path, device: str = "") -> Path:
    """Train what `network.prediction_types` names to `train.max_iteration`; returns the path of the last snapshot.

    samples: images with their weak labels and over-segmentations; device: `cpu`, `cuda`, `cuda:1`, ..., '' for a GPU
    where there is one. Snapshots go to `snapshot_dir/model-{iteration}.pth`, beside them the merged configuration and
    TensorBoard's curves. With `train.resume` it goes on from the newest snapshot there. Under torchrun each process
    calls this with the same arguments and takes its share. Equal bit for bit on each run: see `train.deterministic`.

    Raises UserError where configuration, samples, weights or snapshots do not fit, another process trains into the
    folder, or a loss is not finite; Interrupted, once iteration and snapshot are done, at SIGINT and SIGTERM.
    """
    where, folder = choose_device(device), Path(snapshot_dir)
    lock = run_lock(folder / ".lock", folder, "trains")
    with process_group(where), held_by_first(lock), deterministic_algorithms(config.train.deterministic):
        refuse_other_snapshots(config, snapshot_dir)
        need_training_memory(config, where)
        dataset = open_dataset(config, samples)
        run = build_run(config, folder, where)
        start = first_iteration(run)
        if start < config.train.max_iteration:
            loop(run, dataset, start)
    return folder / f"model-{config.train.max_iteration - 1}.pth"


def refuse_other_snapshots(config: Config, snapshot_dir: str | Path) -> None:
    """Raise UserError, on every process, where a new run would write among the snapshots of another."""
    if from_first(lambda: bool(snapshot_iterations(snapshot_dir))) and not config.train.resume:
        raise UserError(
            f"--snapshot_dir {snapshot_dir}: holds snapshots already; set train.resume: true to go on from the newest, "
            "or name another folder"
        )


def needs_labels(config: Config) -> bool:
    """Whether training reads label maps: not where tags come from a file and nothing else is learnt from."""
    return not (config.dataset.tags_file and config.network.prediction_types == "cam")


def open_dataset(config: Config, samples: list[Sample]) -> WeakLabelDataset:
    """The training samples, augmented; warns where a relation would need unlabelled pixels and none is found."""
    if not samples:
        raise UserError("no sample to train on; expected at least one image with its label maps")
    unlabelled = [s.id for s in samples if s.semantic is None or s.instance is None]
    if unlabelled and needs_labels(config):
        raise UserError(f"sample {unlabelled[0]}: names no label maps, expected a semantic and an instance map")
    dataset = WeakLabelDataset(samples, config, augmentation(config))
    relations = [n for n in ("sem_occ", "img_sim", "feat_aff") if config.train[f"{n}_loss_types"] != "none"]
    if relations and rank() == 0 and not dataset.has_unlabelled():
        logger.warning(
            "no unlabelled pixel (%d..254) was found in the weak labels, %s and others; if these masks write 255 for "
            "unlabelled pixels, set dataset.unlabelled_index: 255; if all are labelled, nothing is wrong",
            config.dataset.num_classes,
            samples[0].semantic,
        )
    return dataset


def augmentation(config: Config) -> Augmentation:
    """The augmentation of embedding or of classifier training (paper, section 4)."""
    train, classifier = config.train, config.network.prediction_types == "softmax_classifier"
    return Augmentation(
        crop=tuple(train.crop_size),
        mean=tuple(config.network.pixel_means),
        mirror=train.random_mirror,
        scale=(CLASSIFIER_SCALES if classifier else EMBEDDING_SCALES) if train.random_scale else None,
        random_crop=train.random_crop,
        mirror_classes=tuple(config.dataset.mirror_classes),
        colour=classifier,
    )


def build_run(config: Config, folder: Path, device: torch.device) -> Run:
    """A run at its seed's initial values."""
    torch.manual_seed(config.train.seed)
    task = build_task(config).to(device)
    groups = parameter_groups(task.embedding_model, task.prediction_model, config.train.weight_decay)
    return Run(config, folder, device, task, SGD(groups, config.train.momentum), build_memory(config))


def first_iteration(run: Run) -> int:
    """The iteration to start at, with the weights there; logs what they are.

    After the newest snapshot where there is one and `train.resume` asks for it, without a look at `network.pretrained`.
    Files are read by the first process; DistributedDataParallel sends its weights to the others.
    """
    config = run.config
    if config.train.resume:
        start = resume_newest(run.folder, run.task, run.optimizer, run.memory, run.device)
        if start is not None:
            _say(f"resuming at iteration {start}")
            return start
    _say(from_first(lambda: load_weights(run.task, config)))
    return config.train.begin_iteration


def _say(line: str) -> None:
    if rank() == 0:
        logger.info(line)


def parallel(run: Run) -> nn.Module:
    """The task over all processes, with joined batch norm where the config asks for it."""
    task: nn.Module = run.task.to(memory_format=memory_format(run.config))
    if world_size() == 1:
        return task
    if joins_batch_norm(run.config.network.use_syncbn):
        task = join_batch_norm(task, run.device)
    return DistributedDataParallel(task, device_ids=[run.device.index] if run.device.type == "cuda" else None)


def memory_format(config: Config) -> torch.memory_format:
    """How images lie in memory: `train.channels_last`."""
    return torch.channels_last if config.train.channels_last else torch.contiguous_format


def seed_iteration(seed: int, iteration: int) -> None:
    """Seed torch for one iteration of one process, so that a resumed run draws what the uninterrupted one drew."""
    torch.manual_seed(int(np.random.SeedSequence([seed, iteration, rank()]).generate_state(1)[0]))


def loop(run: Run, dataset: WeakLabelDataset, start: int) -> None:
    """Iterate: batch, losses, backward, step, remember, report, snapshot."""
    cfg = run.config.train
    sampler = StreamSampler(
        len(dataset), cfg.batch_size, start, cfg.max_iteration, rank(), world_size(), cfg.shuffle, cfg.seed
    )
    batches = read_batches(make_loader(dataset, sampler, run.config.num_threads, run.device.type == "cuda"))
    model = parallel(run)
    run.task.train_mode()
    monitor = Monitor(run.config, run.folder, start)
    with closing(monitor), worker_deaths(run.config.num_threads), deferred_signals() as asked:
        for iteration, batch in enumerate(batches, start):
            batch = batch.to(run.device, memory_format(run.config))
            result, rate = step(run, model, batch, iteration)
            monitor.after(iteration, result, rate, run.device)
            stop = largest(asked.signal, run.device)
            if stop or (iteration + 1) % cfg.snapshot_step == 0 or iteration + 1 == cfg.max_iteration:
                monitor.pictures(iteration, batch, result)
                if rank() == 0:
                    write_snapshot(run.folder, iteration, run.task, run.optimizer, run.memory, cfg.keep_snapshots)
            if stop:
                raise Interrupted(stop, stopped(stop, iteration))


def stopped(number: int, iteration: int) -> str:
    """What is said where a signal ends training."""
    name = signal.Signals(number).name
    return f"stopped by {name} after iteration {iteration}, whose snapshot is written; --opts train.resume true goes on"


def step(run: Run, model: nn.Module, batch: Batch, iteration: int) -> tuple[StepResult, float]:
    """One iteration: losses, backward, an update of the weights, remembering; returns its result and its rate."""
    cfg = run.config.train
    seed_iteration(cfg.seed, iteration)
    result = model(batch, run.memory)
    stop_unless_finite(result, iteration)
    run.optimizer.zero_grad()
    result.total.backward()
    rate = learning_rate(
        iteration, cfg.lr_policy, cfg.base_lr, cfg.max_iteration, cfg.warmup_iteration, cfg.decay_iterations
    )
    run.optimizer.step(rate)
    if result.prototypes is not None:
        run.memory.append(result.prototypes)
    return result, rate


def stop_unless_finite(result: StepResult, iteration: int) -> None:
    """Raise UserError, on every process, where the loss of one is not finite, before it reaches the weights."""
    if any_rank(~torch.isfinite(result.total)):
        losses = ", ".join(f"{name} {value:.4g}" for name, value in mean_over_ranks(result.losses).items())
        raise UserError(f"iteration {iteration}: the loss is not finite ({losses}); try a lower train.base_lr")
