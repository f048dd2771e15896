"""The training loop, for every data set, network and objective."""

import logging
import signal
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
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
from spml.engine.checkpoint import refuse_other_snapshots, resume_newest, write_snapshot
from spml.engine.deterministic import deterministic_algorithms
from spml.engine.finite import FiniteWatch
from spml.engine.memory_needs import need_training_memory
from spml.engine.monitor import Monitor
from spml.engine.optim import SGD, learning_rate, parameter_groups
from spml.engine.processes import from_first, held_by_first, largest, process_group, rank, without_exchange, world_size
from spml.engine.tasks import StepResult, Task, build_memory, build_task, join_parts, load_weights
from spml.engine.validation import Validation
from spml.errors import Interrupted, UserError
from spml.interrupts import deferred_signals
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
    scaler: torch.amp.GradScaler
    watch: FiniteWatch = field(default_factory=FiniteWatch)


def train(
    config: Config, samples: list[Sample], snapshot_dir: str | Path, device: str = "",
    validation: Sequence[Sample] = (),
) -> Path:  # fmt: skip
    """Train what `network.prediction_types` names to `train.max_iteration`; returns the path of the last snapshot.

    samples: images with their weak labels and over-segmentations; device: `cpu`, `cuda`, `cuda:1`, ..., '' for a GPU
    where there is one; validation: images with their whole labels, for `train.validate_step`. Snapshots go to
    `snapshot_dir/model-{iteration}.pth`, beside them the merged configuration and TensorBoard's curves. With
    `train.resume` it goes on from the newest snapshot there. Under torchrun each process calls this with the same
    arguments and takes its share. Equal bit for bit on each run: see `train.deterministic`.

    Raises UserError where configuration, samples, weights or snapshots do not fit, another process trains into the
    folder, or a loss is not finite; Interrupted, once iteration and snapshot are done, at SIGINT and SIGTERM.
    """
    where, folder = choose_device(device), Path(snapshot_dir)
    lock = run_lock(folder / ".lock", folder, "trains")
    with process_group(where), held_by_first(lock), deterministic_algorithms(config.train.deterministic):
        refuse_other_snapshots(config.train, snapshot_dir)
        need_training_memory(config, where)
        dataset = open_dataset(config, samples)
        run = build_run(config, folder, where)
        check = Validation(config, validation, folder, where) if config.train.validate_step else None
        start = first_iteration(run)
        if start < config.train.max_iteration:
            loop(run, dataset, start, check)
    return folder / f"model-{config.train.max_iteration - 1}.pth"


def needs_labels(config: Config) -> bool:
    """Whether training reads label maps: not where tags come from a file and nothing else is learnt from."""
    return not (config.dataset.tags_file and config.network.prediction_types == "cam")


def open_dataset(config: Config, samples: list[Sample]) -> WeakLabelDataset:
    """The training samples, augmented; warns where a relation needs unlabelled pixels and void ones stand for them."""
    if not samples:
        raise UserError("no sample to train on; expected at least one image with its label maps")
    unlabelled = [s.id for s in samples if s.semantic is None or s.instance is None]
    if unlabelled and needs_labels(config):
        raise UserError(f"sample {unlabelled[0]}: names no label maps, expected a semantic and an instance map")
    dataset = WeakLabelDataset(samples, config, augmentation(config))
    relations = [n for n in ("sem_occ", "img_sim", "feat_aff") if config.train[f"{n}_loss_types"] != "none"]
    if relations and rank() == 0 and dataset.has_void_alone():
        logger.warning(
            "no unlabelled pixel (%d..254) was found in the weak labels, %s and others, but void ones (255); if these "
            "masks write 255 for unlabelled pixels, set dataset.unlabelled_index: 255; else nothing is wrong",
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
    optimizer, scaler = SGD(groups, config.train.momentum), task.precision.scaler(device)
    return Run(config, folder, device, task, optimizer, build_memory(config), scaler)


def first_iteration(run: Run) -> int:
    """The iteration to start at, with the weights there; logs what they are.

    After the newest snapshot where there is one and `train.resume` asks for it, without a look at `network.pretrained`.
    Files are read by the first process; DistributedDataParallel sends its weights to the others.
    """
    config = run.config
    if config.train.resume:
        start = resume_newest(run.folder, run.task, run.optimizer, run.memory, run.device, run.scaler)
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
    task: nn.Module = run.task.to(memory_format=memory_format(run))
    if world_size() == 1:
        return task
    if joins_batch_norm(run.config.network.use_syncbn):
        task = join_batch_norm(task, run.device)
    return DistributedDataParallel(task, device_ids=[run.device.index] if run.device.type == "cuda" else None)


def memory_format(run: Run) -> torch.memory_format:
    """How images lie in memory: channels last on CUDA, and where `train.channels_last` asks for it."""
    last = run.config.train.channels_last or run.device.type == "cuda"
    return torch.channels_last if last else torch.contiguous_format


def seed_iteration(seed: int, iteration: int) -> None:
    """Seed torch for one iteration of one process, so that a resumed run draws what the uninterrupted one drew."""
    torch.manual_seed(int(np.random.SeedSequence([seed, iteration, rank()]).generate_state(1)[0]))


def loop(run: Run, dataset: WeakLabelDataset, start: int, validation: Validation | None = None) -> None:
    """Iterate: batch, losses, backward, step, remember, report, validate, snapshot."""
    cfg, images = run.config.train, run.config.train.batch_size * run.config.train.accumulate
    sampler = StreamSampler(len(dataset), images, start, cfg.max_iteration, rank(), world_size(), cfg.shuffle, cfg.seed)
    batches = read_batches(make_loader(dataset, sampler, run.config.num_threads, run.device.type == "cuda"))
    model = parallel(run)
    run.task.train_mode()
    monitor = Monitor(run.config, run.folder, start)
    with closing(monitor), worker_deaths(run.config.num_threads), deferred_signals() as asked:
        for iteration, batch in enumerate(batches, start):
            batch = batch.to(run.device, memory_format(run))
            result, rate = step(run, model, batch, iteration)
            stop = largest(asked.signal, run.device)
            if stop or leaves_files(iteration, start, cfg):
                run.watch.settle()
            monitor.after(iteration, result, rate, run.device)
            if validation is not None and (iteration + 1) % cfg.validate_step == 0:
                monitor.scalar("validation/miou", validation.after(iteration, run.task), iteration)
            if stop or (iteration + 1) % cfg.snapshot_step == 0 or iteration + 1 == cfg.max_iteration:
                monitor.pictures(iteration, batch, result)
                if rank() == 0:
                    save(run, iteration)
            if stop:
                raise Interrupted(stop, stopped(stop, iteration))


def save(run: Run, iteration: int) -> None:
    """Write the snapshot of an iteration."""
    keep = run.config.train.keep_snapshots
    write_snapshot(run.folder, iteration, run.task, run.optimizer, run.memory, keep, run.scaler)


def leaves_files(iteration: int, start: int, train: Config) -> bool:
    """Whether something of an iteration is written: of the first, the last, and those shown, tried or kept."""
    done, steps = iteration + 1, (train.tensorboard_step, train.validate_step, train.snapshot_step)
    return iteration == start or done == train.max_iteration or any(n and done % n == 0 for n in steps)


def stopped(number: int, iteration: int) -> str:
    """What is said where a signal ends training."""
    name = signal.Signals(number).name
    return f"stopped by {name} after iteration {iteration}, whose snapshot is written; --opts train.resume true goes on"


def step(run: Run, model: nn.Module, batch: Batch, iteration: int) -> tuple[StepResult, float]:
    """One iteration: losses, backward, an update of the weights, remembering; returns its result and its rate.

    With `train.accumulate` the gradients of so many parts are added up first. All parts see the memory as it was.
    """
    cfg = run.config.train
    seed_iteration(cfg.seed, iteration)
    run.optimizer.zero_grad()
    parts, results = batch.parts(cfg.accumulate, run.config.dataset.num_classes), []
    for number, part in enumerate(parts, 1):
        with nullcontext() if number == len(parts) else without_exchange(model):
            result = model(part, run.memory)
            run.watch.note(result, iteration)
            run.scaler.scale(result.total / len(parts)).backward()
        results.append(result)
    rate = learning_rate(
        iteration, cfg.lr_policy, cfg.base_lr, cfg.max_iteration, cfg.warmup_iteration, cfg.decay_iterations
    )
    run.scaler.step(run.optimizer, rate)
    run.scaler.update()
    result = join_parts(results)
    if result.prototypes is not None:
        run.memory.append(result.prototypes)
    return result, rate
