"""Training samples: image, weak label, over-segmentation and tags, augmented by a generator of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from easydict import EasyDict
from torch.utils.data import Dataset

from spml.data import transforms as T
from spml.data.files import read_image, read_label
from spml.data.labels import UNLABELLED, VOID, first_tag, need_size, read_weak_label
from spml.data.lists import Sample
from spml.data.tag_files import need_tags_of, read_tags
from spml.errors import UserError

GREY_PROBABILITY = 0.3
BLUR_PROBABILITY = 0.5
BLUR_SIGMA = (0.1, 5.0)
CHECKED_LABELS = 500

Arrays: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Tensors: TypeAlias = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Augmentation:
    """What is done to a sample, in this order: mirror, scale, pad and crop, colour.

    crop: (height, width) of the result; scale: (smallest, largest) ratio; mirror_classes: class i of a mirrored image
    becomes mirror_classes[i]; mean: padding colour; colour: grey and blur, as in classifier training.
    """

    crop: tuple[int, int]
    mean: tuple[float, ...]
    mirror: bool = True
    scale: tuple[float, float] | None = (0.5, 1.5)
    random_crop: bool = True
    mirror_classes: tuple[int, ...] = ()
    colour: bool = False

    def __call__(
        self, image: np.ndarray, semantic: np.ndarray, instance: np.ndarray, tags: np.ndarray, rng: np.random.Generator
    ) -> Arrays:
        """Augment image H×W×3 in [0, 1], its label maps H×W and its tags [K] together, drawing from `rng`."""
        if self.mirror and rng.random() < 0.5:
            image, instance = T.mirror(image), T.mirror(instance)
            semantic, tags = T.mirror_semantic(semantic, self.mirror_classes), T.mirror_tags(tags, self.mirror_classes)
        if self.scale is not None:
            size = T.scaled_size(semantic.shape, rng.uniform(*self.scale))
            image = T.resize_image(image, size)
            semantic, instance = T.resize_label(semantic, size), T.resize_label(instance, size)
        image = T.pad_to(image, self.crop, self.mean)
        semantic, instance = T.pad_to(semantic, self.crop, VOID), T.pad_to(instance, self.crop, VOID)
        window = self._window(semantic.shape, rng)
        image, semantic, instance = image[window], semantic[window], instance[window]
        return (self._colour(image, rng) if self.colour else image), semantic, instance, tags

    def _window(self, size: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, ...]:
        draw = rng.random(2) if self.random_crop else np.zeros(2)
        starts = [int(u * (s - c)) for u, s, c in zip(draw, size, self.crop, strict=True)]
        return tuple(slice(start, start + c) for start, c in zip(starts, self.crop, strict=True))

    @staticmethod
    def _colour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < GREY_PROBABILITY:
            image = T.grey(image)
        return T.blur(image, rng.uniform(*BLUR_SIGMA)) if rng.random() < BLUR_PROBABILITY else image


class WeakLabelDataset(Dataset):
    """Samples of a data list as training tensors.

    Items are asked for as (index, position): `position`, the place in the whole stream of training samples, seeds the
    augmentation, so a sample is the same whichever worker makes it. A UserError is returned, not raised, so that it
    leaves a worker process as the one line it is.
    """

    def __init__(self, samples: Sequence[Sample], config: EasyDict, augmentation: Augmentation) -> None:
        self.samples, self.augmentation = samples, augmentation
        self.values, self.num_classes = config.dataset, config.dataset.num_classes
        self.means, self.stds = config.network.pixel_means, config.network.pixel_stds
        self.seed, self.label_maps = config.train.seed, config.train.label_maps
        self.first_tag, tags_file = first_tag(config.dataset), config.dataset.tags_file
        self.tags = read_tags(tags_file, self.num_classes, self.first_tag) if tags_file else None
        if self.tags is not None:
            need_tags_of(self.tags, (sample.id for sample in samples), tags_file)

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image H×W×3 uint8, semantic and instance label maps H×W, unlabelled where the list names none.

        With `train.label_maps: false` the semantic one is unlabelled too.

        Larger ones are shrunk to `dataset.max_side`. Raises UserError where their sizes differ, that of the image being
        its size upright.
        """
        return self._shrunk(*self._whole(self.samples[index]))

    def _whole(self, sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image = read_image(sample.image, self.values.max_pixels)
        if sample.semantic is None or sample.instance is None:
            return image, *np.full((2, *image.shape[:2]), UNLABELLED, np.uint8)
        semantic = self._semantic(sample.semantic, image.shape[:2])
        instance = read_label(sample.instance, self.values.max_pixels)
        for path, label in ((sample.semantic, semantic), (sample.instance, instance)):
            need_size(label, image.shape[:2], path, f"its image {sample.image}")
        return image, semantic, instance

    def _semantic(self, path: Path, size: tuple[int, ...]) -> np.ndarray:
        if not self.label_maps:
            return np.full(size, UNLABELLED, np.uint8)
        return read_weak_label(path, self.values)

    def _shrunk(
        self, image: np.ndarray, semantic: np.ndarray, instance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size = T.size_within(semantic.shape, self.values.max_side)
        if size == semantic.shape:
            return image, semantic, instance
        small = T.shrink_weak_label(semantic, size, self.num_classes)
        return T.shrink_image(image, size), small, T.resize_label(instance, size)

    def __getitem__(self, item: tuple[int, int]) -> Tensors | UserError:
        """The sample `index` as augmented at `position`: image 3×H×W, semantic and instance uint8 H×W, tags [K]."""
        index, position = item
        try:
            image, semantic, instance = self.read(index)
        except UserError as error:
            return error
        rng = np.random.default_rng([self.seed, position])
        tags = self.tags_of(self.samples[index].id, semantic)
        image = image.astype(np.float32) / 255
        image, semantic, instance, tags = self.augmentation(image, semantic, instance, tags, rng)
        image = T.normalise(image, self.means, self.stds).transpose(2, 0, 1)
        arrays = (image, semantic, instance, tags)
        return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)

    def tags_of(self, name: str, semantic: np.ndarray) -> np.ndarray:
        """The tag set of an image as K booleans, from the tags file or else from its whole weak label."""
        if self.tags is None:
            return tag_set(semantic, self.num_classes, self.first_tag)
        present = np.zeros(self.num_classes, bool)
        present[list(self.tags[name])] = True
        return present

    def has_void_alone(self) -> bool:
        """Whether up to 500 label maps spread over the list hold void pixels (255), and not an unlabelled one."""
        void = False
        for path in (sample.semantic for sample in self.samples[:: -(-len(self) // CHECKED_LABELS)]):
            if path is None or not self.label_maps:
                return False
            label = read_weak_label(path, self.values)
            if ((label >= self.num_classes) & (label < VOID)).any():
                return False
            void = void or bool((label == VOID).any())
        return void


@dataclass
class Batch:
    """image: [N, 3, H, W] normalised; semantic, instance: [N, H, W]; tags: [N, K] bool tag sets.

    Labels travel as they are in files, uint8, and are int64 from `to` on. labelled: of a part of a larger batch, the
    mean number of labelled pixels of its parts; None: it is no part.
    """

    image: torch.Tensor
    semantic: torch.Tensor
    instance: torch.Tensor
    tags: torch.Tensor
    labelled: torch.Tensor | None = None

    def to(self, device: torch.device | str, memory_format: torch.memory_format = torch.contiguous_format) -> "Batch":
        """The batch on `device`, the image in `memory_format`."""
        image = self.image.to(device, non_blocking=True, memory_format=memory_format)
        semantic, instance, tags = (x.to(device, non_blocking=True) for x in (self.semantic, self.instance, self.tags))
        return Batch(image, semantic.long(), instance.long(), tags)

    def parts(self, count: int, num_classes: int) -> "list[Batch]":
        """The batch in `count` parts of as many images each, which divides theirs."""
        if count == 1:
            return [self]
        labelled = (self.semantic < num_classes).sum() / count
        columns = (x.chunk(count) for x in (self.image, self.semantic, self.instance, self.tags))
        return [Batch(i, s, r, t, labelled) for i, s, r, t in zip(*columns, strict=True)]

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory."""
        return Batch(*(x.pin_memory() for x in (self.image, self.semantic, self.instance, self.tags)))


def collate(items: Sequence[Tensors | UserError]) -> Batch | UserError:
    """Samples → Batch; a UserError among them stands for the batch."""
    errors = [item for item in items if isinstance(item, UserError)]
    samples = [item for item in items if not isinstance(item, UserError)]
    return errors[0] if errors else Batch(*(torch.stack(column) for column in zip(*samples, strict=True)))


def tag_set(semantic: np.ndarray, num_classes: int, first: int = 1) -> np.ndarray:
    """The classes that occur in a weak label map, as K booleans; those below `first` (`first_tag`) are no tags."""
    present = np.bincount(semantic.ravel(), minlength=num_classes)[:num_classes] > 0
    present[:first] = False
    return present
