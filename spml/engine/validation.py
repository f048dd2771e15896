"""The classifier's mIoU on some images while training goes on, and the snapshot that is best by it."""

import copy
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from spml.config import Config
from spml.data.datasets import Augmentation, WeakLabelDataset
from spml.data.files import read_text, write_text
from spml.data.lists import Sample
from spml.data.transforms import normalise
from spml.engine.checkpoint import write_weights
from spml.engine.processes import rank, sum_over_ranks, world_size
from spml.engine.tasks import Task
from spml.errors import UserError
from spml.evaluation.confusion import confusion_matrix, mean_iou

BEST = "best.txt"

logger = logging.getLogger(__name__)


class Validation:
    """mIoU on at most `train.validate_images` images, spread over a list, each whole and at its own scale.

    Logits are resized from the embedding's resolution to the labels', as in training; windows, views and CRF are left
    to the inference scripts. The weights that are best so far lie in `best/model-{iteration}.pth` of the snapshot
    folder, beside which `best.txt` says their iteration and mIoU. Training itself goes on as if it had not been.
    """

    def __init__(self, config: Config, samples: Sequence[Sample], folder: Path, device: torch.device) -> None:
        if not samples:
            raise UserError("train.validate_step is set and no sample to validate on; dataset.val_data_list names them")
        count = min(config.train.validate_images, len(samples))
        places = np.linspace(0, len(samples) - 1, count).round().astype(int)
        config = copy.deepcopy(config)
        config.dataset.tags_file = ""  # of the training images
        crop = Augmentation(tuple(config.train.crop_size), tuple(config.network.pixel_means))
        self.images = WeakLabelDataset([samples[i] for i in places], config, crop)
        self.config, self.folder, self.device = config, folder, device
        self.best = self._best_so_far()

    def after(self, iteration: int, task: Task) -> float:
        """Measure after an iteration, and keep the weights where they are the best so far; returns mIoU in percent."""
        score = self.mean_iou(task)
        if rank() == 0:
            logger.info("iteration %d: mIoU %.2f on %d images", iteration, score, len(self.images))
        if score > self.best:
            self.best = score
            if rank() == 0:
                self._keep(iteration, task)
        return score

    @torch.no_grad()
    def mean_iou(self, task: Task) -> float:
        """mIoU in percent over the images of all processes; the task is left in training mode."""
        task.eval()
        sought, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False  # each image has its own size
        classes = self.config.dataset.num_classes
        matrix = np.zeros((classes, classes + 1), np.int64)
        for place in range(rank(), len(self.images), world_size()):
            image, truth, _ = self.images.read(place)
            matrix += confusion_matrix(self._predict(task, image), truth, classes)
        task.train_mode()
        torch.backends.cudnn.benchmark = sought
        return mean_iou(sum_over_ranks(torch.from_numpy(matrix).to(self.device)).cpu().numpy())

    def _predict(self, task: Task, image: np.ndarray) -> np.ndarray:
        network = self.config.network
        pixels = normalise(image.astype(np.float32) / 255, network.pixel_means, network.pixel_stds)
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self.device)
        with task.precision.autocast(self.device):
            logits = task.prediction_model(task.embedding_model(x)).float()
        logits = F.interpolate(logits, image.shape[:2], mode="bilinear", align_corners=False)
        return logits[0].argmax(0).cpu().numpy()

    def _best_so_far(self) -> float:
        path = self.folder / BEST
        if not (self.config.train.resume and path.is_file()):
            return -1.0
        try:
            return float(read_text(path, "best snapshot").split()[1])
        except (IndexError, ValueError):
            raise UserError(f"{path}: expected 'ITERATION MIOU'; remove it to begin anew") from None

    def _keep(self, iteration: int, task: Task) -> None:
        kept = write_weights(self.folder / "best", iteration, task)
        write_text(self.folder / BEST, f"{iteration} {self.best:.4f}\n")
        for other in kept.parent.glob("model-*.pth"):
            if other != kept:
                other.unlink(missing_ok=True)
