"""The training loop, for every data set, network and objective."""

import sys
from contextlib import closing

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from spml.commands.flags import training_parser
from spml.config import load_config
from spml.data.datasets import Augmentation, WeakLabelDataset
from spml.data.lists import read_list
from spml.data.stream import StreamSampler, make_loader
from spml.devices import choose_device
from spml.engine import checkpoint
from spml.engine.monitor import Monitor
from spml.engine.optim import SGD, learning_rate, parameter_groups
from spml.engine.processes import any_rank, joins_batch_norm, mean_over_ranks, process_group, rank, world_size
from spml.engine.tasks import build_memory, build_task, load_weights
from spml.errors import UserError
from spml.models.snapshots import snapshot_iterations

EMBEDDING_SCALES, CLASSIFIER_SCALES = (0.5, 1.5), (0.5, 2.0)


def main(prediction_type, dataset=None, argv=None):
    """Train from the command line.

    prediction_type: what the script trains, `segsort` or `softmax_classifier`; dataset: whose defaults hold
    unless the config names one.
    """
    args = training_parser().parse_args(argv)
    config = load_config(args.cfg_path, args.opts, dataset)
    given = config.network.prediction_types
    if given != prediction_type:
        raise UserError(
            f"{args.cfg_path}: network.prediction_types is {given!r}, this script needs {prediction_type!r}"
        )
    device = choose_device(args.device)
    with process_group(device):
        train(config, args, device)


def train(config, args, device):
    """Train to `train.max_iteration`, from scratch or from the newest snapshot, writing snapshots on the way."""
    keep_snapshots(config, args.snapshot_dir)
    dataset = open_dataset(config, args)
    torch.manual_seed(config.train.seed)
    task = build_task(config, device).to(device)
    optimizer = SGD(
        parameter_groups(task.embedding_model, task.prediction_model, config.train.weight_decay), config.train.momentum
    )
    memory = build_memory(config)
    start, summary = first_iteration(config, args.snapshot_dir, task, optimizer, memory, device)
    if rank() == 0:
        print(summary)
    if start < config.train.max_iteration:
        loop(config, args.snapshot_dir, dataset, task, optimizer, memory, start, device)


def open_dataset(config, args):
    """The training samples, with everything that can be wrong in the list seen to first."""
    data_dir, data_list = args.data_dir or config.dataset.data_dir, args.data_list or config.dataset.train_data_list
    for flag, key, value in (("data_dir", "data_dir", data_dir), ("data_list", "train_data_list", data_list)):
        if not value:
            raise UserError(f"--{flag} is not given and dataset.{key} is empty")
    need_labels = not (config.dataset.tags_file and config.network.prediction_types == "cam")
    samples = read_list(data_dir, data_list, need_labels, args.semantic_dir)
    dataset = WeakLabelDataset(samples, config, augmentation(config))
    relations = [n for n in ("sem_occ", "img_sim", "feat_aff") if config.train[f"{n}_loss_types"] != "none"]
    if relations and rank() == 0 and not dataset.has_unlabelled():
        print(
            f"warning: {data_list}: no unlabelled pixel was found ({config.dataset.num_classes}..254); if these masks "
            "write 255 for unlabelled pixels, set dataset.unlabelled_index: 255; if all are labelled, nothing is wrong",
            file=sys.stderr,
        )
    return dataset


def augmentation(config):
    """The augmentation of embedding or of classifier training (method, section 8)."""
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


def keep_snapshots(config, snapshot_dir):
    """Raise UserError where a new run would write among the snapshots of another."""
    if snapshot_iterations(snapshot_dir) and not config.train.resume:
        raise UserError(
            f"--snapshot_dir {snapshot_dir}: holds snapshots already; set train.resume: true to go on from the newest, "
            "or name another folder"
        )


def first_iteration(config, snapshot_dir, task, optimizer, memory, device):
    """The iteration to start at, with the weights there, and what they are in one line.

    After the newest snapshot where there is one and `train.resume` asks for it, without a look at `network.pretrained`.
    """
    start = checkpoint.resume(snapshot_dir, task, optimizer, memory, device) if config.train.resume else None
    if start is None:
        return config.train.begin_iteration, load_weights(task, config)
    return start, f"resuming at iteration {start}"


def parallel(task, config, device):
    """The task over all processes, with synchronised batch norm on CUDA where the config asks for it."""
    task.to(memory_format=memory_format(config))
    if world_size() == 1:
        return task
    if joins_batch_norm(config.network.use_syncbn, device):
        task = torch.nn.SyncBatchNorm.convert_sync_batchnorm(task)
    return DistributedDataParallel(task, device_ids=[device.index] if device.type == "cuda" else None)


def memory_format(config):
    """How images lie in memory: `train.channels_last`."""
    return torch.channels_last if config.train.channels_last else torch.contiguous_format


def seed_iteration(seed, iteration):
    """Seed torch for one iteration of one process, so that a resumed run draws what the uninterrupted one drew."""
    torch.manual_seed(int(np.random.SeedSequence([seed, iteration, rank()]).generate_state(1)[0]))


def loop(config, snapshot_dir, dataset, task, optimizer, memory, start, device):
    """Iterate: batch, losses, backward, step, remember, report, snapshot."""
    cfg = config.train
    sampler = StreamSampler(
        len(dataset), cfg.batch_size, start, cfg.max_iteration, rank(), world_size(), cfg.shuffle, cfg.seed
    )
    batches = make_loader(dataset, sampler, config.num_threads, device.type == "cuda")
    model = parallel(task, config, device)
    task = getattr(model, "module", model)
    task.train_mode()
    with closing(Monitor(config, snapshot_dir, start)) as monitor:
        for iteration, batch in enumerate(batches, start):
            if isinstance(batch, UserError):
                raise batch
            batch = batch.to(device, memory_format(config))
            seed_iteration(cfg.seed, iteration)
            result = model(batch, memory)
            stop_unless_finite(result, iteration)
            optimizer.zero_grad()
            result.total.backward()
            rate = learning_rate(
                iteration, cfg.lr_policy, cfg.base_lr, cfg.max_iteration, cfg.warmup_iteration, cfg.decay_iterations
            )
            optimizer.step(rate)
            if result.prototypes is not None:
                memory.append(result.prototypes)
            monitor.after(iteration, result, rate, device)
            if (iteration + 1) % cfg.snapshot_step == 0 or iteration + 1 == cfg.max_iteration:
                monitor.pictures(iteration, batch, result)
                if rank() == 0:
                    checkpoint.save(snapshot_dir, iteration, task, optimizer, memory)


def stop_unless_finite(result, iteration):
    """Raise UserError, on every process, where the loss of one is not finite, before it reaches the weights."""
    if any_rank(~torch.isfinite(result.total)):
        losses = ", ".join(f"{name} {value:.4g}" for name, value in mean_over_ranks(result.losses).items())
        raise UserError(f"iteration {iteration}: the loss is not finite ({losses}); try a lower train.base_lr")
