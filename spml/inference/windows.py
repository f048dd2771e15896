"""Views of an image (scales, flips), cut into windows for the network and put together again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch.nn import functional as F

from spml.config import Config
from spml.data.transforms import mirror, normalise, pad_to, resize_image, scaled_size
from spml.devices import need_memory
from spml.models.embedding import resize

Size = tuple[int, int]  # height and width

MAX_BATCH_PIXELS = {"cpu": 1 << 17, "cuda": 1 << 21}  # of the windows that go through the network together
MAX_FINISH_PIXELS = 1 << 18  # of the windows that are brought to full resolution together
RESIZED_BYTES = 24  # a pixel at least: three colours in float32, as they are and normalised


def window_ends(size: int, crop: int, stride: int) -> list[int]:
    """Where the windows of length `crop` end that cover an axis of `size` ≥ crop pixels, as evenly as can be."""
    count = ceil((size - crop) / stride) + 1
    return np.linspace(crop, size, count).astype(int).tolist()


@dataclass(frozen=True)
class View:
    """An image at one scale, mirrored or not.

    pixels: [h, w, 3] normalised, scaled and mirrored; crop, stride: (height, width) of the windows.
    """

    pixels: np.ndarray
    flip: bool
    crop: Size
    stride: Size

    @property
    def size(self) -> Size:
        """Height and width without padding."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def canvas(self) -> Size:
        """Height and width after padding up to one window."""
        return max(self.size[0], self.crop[0]), max(self.size[1], self.crop[1])

    def corners(self) -> list[Size]:
        """(bottom, right) of each window."""
        rows, columns = map(window_ends, self.canvas, self.crop, self.stride)
        return [(bottom, right) for bottom in rows for right in columns]

    def windows(self) -> torch.Tensor:
        """The windows as a tensor [n, 3, crop]; padding is 0, the mean colour."""
        canvas = torch.from_numpy(pad_to(self.pixels, self.crop, 0)).permute(2, 0, 1)
        return torch.stack([canvas[:, rows, columns] for rows, columns in self.places()])

    def places(self) -> list[tuple[slice, slice]]:
        """The two slices of the canvas that each window covers."""
        height, width = self.crop
        return [(slice(b - height, b), slice(r - width, r)) for b, r in self.corners()]

    def to_image(self, values: torch.Tensor, size: Size | None = None) -> torch.Tensor:
        """Values [D, ≥h, ≥w] over the canvas, without padding, unmirrored, resized bilinearly to the image's `size`."""
        values = values[:, : self.size[0], : self.size[1]]
        if size is not None and tuple(size) != tuple(values.shape[1:]):
            values = resize(values[None], size)[0]
        return values.flip(-1) if self.flip else values

    def class_maps(self, scores: torch.Tensor, sides: Sequence[int], size: Size | None = None) -> torch.Tensor:
        """Class scores, K×canvas or without the background (K−1)×canvas, in the image's frame (`to_image`).

        sides: class i of a mirrored view is class sides[i] of the image (`dataset.mirror_classes`); empty: no change.
        """
        if self.flip and sides:
            scores = scores[list(sides) if len(scores) == len(sides) else [side - 1 for side in sides[1:]]]
        return self.to_image(scores, size)


def make_views(
    image: np.ndarray, scales: Sequence[float], config: Config, flips: bool = True, whole: bool = False
) -> list[View]:
    """Views of an image [H, W, 3] in 0..1 at each scale, with its mirror image if `flips`.

    whole: one window over the whole padded view in place of `test.crop_size`.
    """
    views = []
    for scale in scales:
        size = scaled_size(image.shape[:2], scale)
        scaled = image if scale == 1 else resized_pixels(image, size, f"test.scales, {scale:g}")
        pixels = normalise(scaled, config.network.pixel_means, config.network.pixel_stds)
        crop, stride = (tuple(config.test[key]) for key in ("crop_size", "stride"))
        if whole:
            crop = tuple(max(size, least) for size, least in zip(pixels.shape[:2], crop, strict=True))
        views.append(View(pixels, False, crop, stride))
        if flips:
            views.append(View(mirror(pixels), True, crop, stride))
    return views


def resized_pixels(pixels: np.ndarray, size: Size, what: str) -> np.ndarray:
    """Pixels [H, W, 3] at another size; raises UserError, which names `what` asks for it, where that has no room."""
    need_memory(RESIZED_BYTES * size[0] * size[1], torch.device("cpu"), what)
    return pixels if size == pixels.shape[:2] else resize_image(pixels, size)


def embed_views(
    network: Callable[[torch.Tensor], torch.Tensor], views: Sequence[View], device: torch.device
) -> list[torch.Tensor]:
    """Raw stride-4 embeddings [n, C, h, w] of the windows of each view; windows of one size run in batches."""
    embeddings: dict[int, torch.Tensor] = {}
    for crop in dict.fromkeys(view.crop for view in views):
        chosen = [i for i, view in enumerate(views) if view.crop == crop]
        windows = [views[i].windows() for i in chosen]
        at_once = MAX_BATCH_PIXELS.get(device.type, MAX_BATCH_PIXELS["cpu"]) // (crop[0] * crop[1])
        batches = torch.cat(windows).split(max(1, at_once))
        output = torch.cat([network(batch.to(device, memory_format=torch.channels_last)) for batch in batches])
        for i, embedding in zip(chosen, output.split([len(w) for w in windows]), strict=True):
            embeddings[i] = embedding.contiguous()
    return [embeddings[i] for i in range(len(views))]


def average_windows(
    view: View, embeddings: torch.Tensor, finish: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Windows at full resolution laid over the canvas, overlaps averaged: [n, C, h, w] → [D, canvas].

    finish: embeddings upsampled to the windows' size [m, C, crop] → values to average [m, D, crop].
    """
    total = count = torch.empty(0)
    places = iter(view.places())
    for chunk in embeddings.split(max(1, MAX_FINISH_PIXELS // (view.crop[0] * view.crop[1]))):
        for values in finish(resize(chunk, view.crop)):
            if view.crop == view.canvas:
                return values
            if not total.numel():
                total = values.new_zeros(len(values), *view.canvas)
                count = values.new_zeros(view.canvas)
            rows, columns = next(places)
            total[:, rows, columns] += values
            count[rows, columns] += 1
    return total.div_(count)


def unit_length(embedding: torch.Tensor) -> torch.Tensor:
    """Embeddings [n, C, h, w] scaled to length 1."""
    return F.normalize(embedding, dim=1)
