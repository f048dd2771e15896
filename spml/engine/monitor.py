"""What a run shows while it goes on: a progress bar, TensorBoard scalars, and pictures of a batch."""

import logging
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from spml.config import Config, save_config
from spml.data.datasets import Batch
from spml.engine.processes import mean_over_ranks, rank, world_size
from spml.engine.tasks import StepResult
from spml.segments.segment import Segments
from spml.visualize import colorize, draw_boundaries, load_palette, pca_rgb, picture_grid

if TYPE_CHECKING:
    from spml.engine.event_file import EventFile

PICTURED_IMAGES = 4

logger = logging.getLogger(__name__)


class Monitor:
    """Bar, TensorBoard and the merged config of the first process; the others only take part in means over processes.

    Nothing is written before the first iteration has succeeded.
    """

    def __init__(self, config: Config, snapshot_dir: str | Path, start: int) -> None:
        self.config, self.folder, self.start = config, Path(snapshot_dir), start
        self.writer: EventFile | None = None
        self.step_every = config.train.tensorboard_step
        self.images_each = config.train.batch_size * config.train.accumulate * world_size()
        self.stop, self.last, self.last_time = config.train.max_iteration, start, time.perf_counter()
        self.palette = load_palette(config.dataset.color_map_path)
        silent = rank() > 0 or not logger.isEnabledFor(logging.INFO)  # a bar is information, and goes where that goes
        self.bar = tqdm(total=self.stop, initial=start, desc="train", unit="it", disable=silent)

    def after(self, iteration: int, result: StepResult, rate: float, device: torch.device) -> None:
        """Count an iteration; every `train.tensorboard_step`, show and write its numbers, averaged over processes."""
        self.bar.update()
        if iteration == self.start and rank() == 0:
            self._open()
        if (iteration + 1) % self.step_every and iteration + 1 != self.stop:
            return
        named = {**{f"loss/{name}": value for name, value in result.losses.items()}, "loss/total": result.total}
        values = mean_over_ranks({**named, "accuracy": result.accuracy()})
        now, done = time.perf_counter(), iteration + 1 - self.last
        values |= {"rate": rate, "images_per_second": done * self.images_each / (now - self.last_time)}
        values["peak_memory_mib"] = peak_memory_mib(device)
        self.last, self.last_time = iteration + 1, now
        shown = {name.removeprefix("loss/"): f"{value:.3g}" for name, value in values.items()}
        self.bar.set_postfix(shown, refresh=True)
        if self.writer is not None:
            for name, value in values.items():
                self.writer.add_scalar(name, value, iteration + 1)

    def _open(self) -> None:
        from spml.engine.event_file import EventFile

        save_config(self.config, self.folder / "config_merged.yaml")
        self.writer = EventFile(self.folder / "tensorboard", self.start + 1 if self.start else 0)

    def scalar(self, name: str, value: float, iteration: int) -> None:
        """Write one more number of an iteration."""
        if self.writer is not None:
            self.writer.add_scalar(name, value, iteration + 1)

    def pictures(self, iteration: int, batch: Batch, result: StepResult) -> None:
        """Write the first images of a batch beside their labels, segments, and the embedding's principal components."""
        if self.writer is not None:
            sheet = batch_pictures(batch, result, self.config.network, self.palette)
            self.writer.add_image("batch", sheet, iteration + 1)

    def close(self) -> None:
        """End the bar and the event file."""
        self.bar.close()
        if self.writer is not None:
            self.writer.close()


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory in MiB: of the GPU's allocator on CUDA, of this process elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def batch_pictures(batch: Batch, result: StepResult, network: Config, palette: np.ndarray) -> np.ndarray:
    """Contact sheet H×W×3: image, weak label, over-segmentation, segments, principal components of the embedding."""
    count = min(PICTURED_IMAGES, len(result.embedding))
    components = pca_rgb([e.float().cpu().numpy() for e in result.embedding[:count]])
    rows = []
    for i in range(count):
        image = batch.image[i].float().cpu().numpy().transpose(1, 2, 0) * network.pixel_stds + network.pixel_means
        image = (image.clip(0, 1) * 255).astype(np.uint8)
        semantic, regions = (x[i].cpu().numpy() for x in (batch.semantic, batch.instance))
        segments = None
        if result.segments is not None:
            segments = colorize(_segment_map(result.segments, result.embedding.shape[-2:], i) % 256, palette)
        rows.append([image, colorize(semantic, palette), draw_boundaries(image, regions), segments, components[i]])
    return picture_grid(rows, ["image", "weak label", "over-segmentation", "segments", "embedding"])


def _segment_map(segments: Segments, size: torch.Size, image: int) -> np.ndarray:
    """Segment ids h×w of one image, numbered from 1; 0 where pixels are void."""
    here = segments.image == image
    flat = torch.zeros(size.numel(), dtype=torch.long)
    if here.any():
        ids = segments.segment[here].cpu()
        flat[segments.place[here].cpu()] = ids - ids.min() + 1
    return flat.view(size).numpy()
