"""Class scores of an image, K×h×w: by retrieval or by soft-max, at one scale or over a pyramid."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from spml.config import Config
from spml.data.transforms import longest_side_size, resize_image
from spml.devices import need_memory
from spml.inference.clusters import segment_image, unit_prototypes
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.retrieval import class_shares, nearest_labels
from spml.inference.tiles import Tile, cut_tiles
from spml.inference.windows import Size

PYRAMID = (0.5, 0.75, 1, 1.25, 1.5)
RESIZED_BYTES = 24  # a pixel at least: three colours in float32, as they are and normalised
ONE_SCALE = [1]  # what published configurations write, whose pyramids stood in the scripts


@dataclass(frozen=True)
class Scorer:
    """A way to score images that asks for their pixels alone, so that large ones may be scored by tiles.

    resized: whether images are seen at `test.image_size`, or as they are; look: (networks, pixels [h, w, 3] in 0..1) →
    scores K×h×w.
    """

    resized: bool
    look: Callable[[Networks, np.ndarray], torch.Tensor]

    def __call__(self, networks: Networks, image: InputImage) -> torch.Tensor:
        """Scores K×h×w of the whole image at once."""
        return self.look(networks, self._seen(networks, image))

    def tiles(self, networks: Networks, image: InputImage) -> Iterator[tuple[Tile, torch.Tensor]]:
        """The tiles of the image as it is seen, and the scores of their windows."""
        pixels = self._seen(networks, image)
        height, width = pixels.shape[:2]
        for tile in cut_tiles((height, width), tuple(networks.config.test.crop_size)):
            yield tile, self.look(networks, pixels[tile.window])

    def size(self, networks: Networks, image: InputImage) -> Size:
        """Height and width at which the image is seen."""
        return longest_side_size(image.size, networks.config.test.image_size) if self.resized else image.size

    def sees_whole(self, networks: Networks, image: InputImage) -> bool:
        """Whether the image has but one tile."""
        return len(cut_tiles(self.size(networks, image), tuple(networks.config.test.crop_size))) == 1

    def mask(self, networks: Networks, image: InputImage) -> np.ndarray:
        """The classes of the image as it is seen, uint8 [h, w]."""
        mask = np.empty(self.size(networks, image), np.uint8)
        for tile, scores in self.tiles(networks, image):
            mask[tile.core] = scores.argmax(0).byte().cpu().numpy()[tile.inner]
        return mask

    def _seen(self, networks: Networks, image: InputImage) -> np.ndarray:
        return resized_image(image, networks.config) if self.resized else image.unit_range()


def mean_of(maps: Iterable[torch.Tensor]) -> torch.Tensor:
    """The mean of maps of one shape, which are added up in the first."""
    total, count = torch.empty(0), 0
    for values in maps:
        total = total.add_(values) if count else values
        count += 1
    return total.div_(count)


def pyramid_scales(config: Config, published: Sequence[float]) -> Sequence[float]:
    """The scales of a script that takes several: `test.scales`, or the published ones where that is [1]."""
    return published if list(config.test.scales) == ONE_SCALE else config.test.scales


def resized_image(image: InputImage, config: Config) -> np.ndarray:
    """The image in 0..1, its longer side scaled to `test.image_size`; raises UserError where that has no room."""
    size = longest_side_size(image.size, config.test.image_size)
    need_memory(RESIZED_BYTES * size[0] * size[1], torch.device("cpu"), f"test.image_size {config.test.image_size}")
    pixels = image.unit_range()
    return pixels if size == image.size else resize_image(pixels, size)


def find_prototypes(networks: Networks, embedding: torch.Tensor, size: Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Cluster an embedding map [C, ·, ·] into segments: their prototypes [S, C] and each pixel's segment, `size`."""
    segments = segment_image(embedding, size, networks.config)
    return unit_prototypes(segments), segments.segment.view(size)


def vote(networks: Networks, prototypes: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Shares of the classes among the nearest of each prototype, in one pass over the gallery: [S, C] each → [S, K]."""
    labels = nearest_labels(torch.cat(list(prototypes)), networks.gallery)
    return class_shares(labels, networks.config.dataset.num_classes).split([len(each) for each in prototypes])


def retrieval_once(networks: Networks, pixels: np.ndarray) -> torch.Tensor:
    """Scores by retrieval of an image [H, W, 3] in 0..1 as it is: K×H×W; grid and locations span the padded image."""
    ((view, embeddings),) = networks.look(pixels, ONE_SCALE, flips=False)
    prototypes, segment = find_prototypes(networks, networks.unit_embedding(view, embeddings), view.size)
    (shares,) = vote(networks, [prototypes])
    return shares.T[:, segment]


def retrieval_views(networks: Networks, pixels: np.ndarray, scales: Sequence[float], size: Size) -> torch.Tensor:
    """Scores by retrieval of an image [H, W, 3] in 0..1, brought to `size` and averaged over scales and flips: K×size.

    Grid and locations span the image alone. The segments of all views vote at once.
    """
    views, prototypes, segments = [], [], []
    for view, embeddings in networks.look(pixels, scales):
        embedding = networks.unit_embedding(view, embeddings)[:, : view.size[0], : view.size[1]]
        found, segment = find_prototypes(networks, embedding, view.size)
        views.append(view)
        prototypes.append(found)
        segments.append(segment)
    votes = zip(views, segments, vote(networks, prototypes), strict=True)
    return mean_of(networks.class_maps(view, shares.T[:, segment], size) for view, segment, shares in votes)


def softmax_views(
    networks: Networks, pixels: np.ndarray, scales: Sequence[float], flips: bool, size: Size
) -> torch.Tensor:
    """Soft-max of the logits of an image [H, W, 3] in 0..1, brought to `size` and averaged over views: K×size."""
    return mean_of(
        networks.class_maps(view, networks.logits(view, embeddings), size).softmax(0)
        for view, embeddings in networks.look(pixels, scales, flips)
    )


def retrieval_scales(networks: Networks, pixels: np.ndarray) -> torch.Tensor:
    """Scores by retrieval, averaged over `test.scales` (by default the published five) and flips: K×H×W."""
    height, width = pixels.shape[:2]
    return retrieval_views(networks, pixels, pyramid_scales(networks.config, PYRAMID), (height, width))


def softmax_once(networks: Networks, pixels: np.ndarray) -> torch.Tensor:
    """Soft-max of the classifier's logits of an image [H, W, 3] in 0..1 as it is: K×H×W."""
    height, width = pixels.shape[:2]
    return softmax_views(networks, pixels, ONE_SCALE, False, (height, width))


def softmax_scales(networks: Networks, pixels: np.ndarray) -> torch.Tensor:
    """Soft-max of logits, averaged over `test.scales` (by default the published five) and flips: K×H×W."""
    height, width = pixels.shape[:2]
    return softmax_views(networks, pixels, pyramid_scales(networks.config, PYRAMID), True, (height, width))


retrieval = Scorer(True, retrieval_once)
retrieval_pyramid = Scorer(False, retrieval_scales)
softmax = Scorer(True, softmax_once)
softmax_pyramid = Scorer(False, softmax_scales)
