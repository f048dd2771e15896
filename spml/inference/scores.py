"""Class scores of an image, K×h×w: by retrieval or by soft-max, at one scale or over a pyramid."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from spml.config import Config
from spml.data.transforms import longest_side_size
from spml.inference.clusters import segment_image, unit_prototypes
from spml.inference.crf import refine_scores
from spml.inference.crf_settings import CRFParameters
from spml.inference.input_image import InputImage
from spml.inference.networks import Look, Networks
from spml.inference.retrieval import class_shares, nearest_labels
from spml.inference.tiles import Tile, cut_tiles
from spml.inference.windows import Size, resized_pixels

PYRAMID = (0.5, 0.75, 1, 1.25, 1.5)
ONE_SCALE = [1]  # what published configurations write, whose pyramids stood in the scripts


@dataclass(frozen=True)
class Scorer:
    """A way to score images that asks for their pixels alone, so that large ones may be scored by tiles.

    pyramid: whether images are seen as they are, over `test.scales` (by default the published five) and flips; or once
    at `test.image_size`; finish: (networks, views with their embeddings, height and width h, w) → scores K×h×w.
    """

    pyramid: bool
    finish: Callable[[Networks, Iterable[Look], Size], torch.Tensor]

    def __call__(self, networks: Networks, image: InputImage) -> torch.Tensor:
        """Scores K×h×w of the whole image at once."""
        return self.score(networks, self._seen(networks, image))

    def several(self, networks: Networks, images: Iterable[InputImage]) -> Iterator[torch.Tensor]:
        """Scores K×h×w of each whole image; those of all go through the network together."""
        seen = [self._seen(networks, image) for image in images]
        looks = networks.look_at(seen, *self._views(networks))
        for pixels, each in zip(seen, looks, strict=True):
            yield self.finish(networks, each, (pixels.shape[0], pixels.shape[1]))

    def score(self, networks: Networks, pixels: np.ndarray) -> torch.Tensor:
        """Scores K×h×w of pixels [h, w, 3] in 0..1 as they are seen."""
        looks = networks.look(pixels, *self._views(networks))
        return self.finish(networks, looks, (pixels.shape[0], pixels.shape[1]))

    def tiles(self, networks: Networks, image: InputImage) -> Iterator[tuple[Tile, torch.Tensor]]:
        """The tiles of the image as it is seen, and the scores of their windows."""
        pixels = self._seen(networks, image)
        height, width = pixels.shape[:2]
        for tile in cut_tiles((height, width), tuple(networks.config.test.crop_size)):
            yield tile, self.score(networks, pixels[tile.window])

    def size(self, networks: Networks, image: InputImage) -> Size:
        """Height and width at which the image is seen."""
        return image.size if self.pyramid else longest_side_size(image.size, networks.config.test.image_size)

    def sees_whole(self, networks: Networks, image: InputImage) -> bool:
        """Whether the image has but one tile."""
        return len(cut_tiles(self.size(networks, image), tuple(networks.config.test.crop_size))) == 1

    def mask(self, networks: Networks, image: InputImage) -> np.ndarray:
        """The classes of the image as it is seen, uint8 [h, w]."""
        mask = np.empty(self.size(networks, image), np.uint8)
        for tile, scores in self.tiles(networks, image):
            mask[tile.core] = best_class(scores).cpu().numpy()[tile.inner]
        return mask

    def _seen(self, networks: Networks, image: InputImage) -> np.ndarray:
        return image.unit_range() if self.pyramid else resized_image(image, networks.config)

    def _views(self, networks: Networks) -> tuple[Sequence[float], bool]:
        """The scales, and whether mirror images are seen too."""
        return (pyramid_scales(networks.config, PYRAMID), True) if self.pyramid else (ONE_SCALE, False)


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
    side = config.test.image_size
    return resized_pixels(image.unit_range(), longest_side_size(image.size, side), f"test.image_size {side}")


def find_prototypes(networks: Networks, embedding: torch.Tensor, size: Size) -> tuple[torch.Tensor, torch.Tensor]:
    """Cluster an embedding map [C, ·, ·] into segments: their prototypes [S, C] and each pixel's segment, `size`."""
    segments = segment_image(embedding, size, networks.config)
    return unit_prototypes(segments), segments.segment.view(size)


def vote(networks: Networks, prototypes: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Shares of the classes among the nearest of each prototype, in one pass over the gallery: [S, C] each → [S, K]."""
    labels = nearest_labels(torch.cat(list(prototypes)), networks.gallery)
    return class_shares(labels, networks.config.dataset.num_classes).split([len(each) for each in prototypes])


def retrieval_of_one(networks: Networks, looks: Iterable[Look], size: Size) -> torch.Tensor:
    """Scores by retrieval of an image's only view, K×size; grid and locations span the padded image."""
    ((view, embeddings),) = looks
    prototypes, segment = find_prototypes(networks, networks.unit_embedding(view, embeddings), size)
    (shares,) = vote(networks, [prototypes])
    return shares.T[:, segment]


def retrieval_of(networks: Networks, looks: Iterable[Look], size: Size) -> torch.Tensor:
    """Scores by retrieval of an image's views, brought to `size` and averaged: K×size.

    Grid and locations span the image alone. The segments of all views vote at once.
    """
    views, prototypes, segments = [], [], []
    for view, embeddings in looks:
        embedding = networks.unit_embedding(view, embeddings)[:, : view.size[0], : view.size[1]]
        found, segment = find_prototypes(networks, embedding, view.size)
        views.append(view)
        prototypes.append(found)
        segments.append(segment)
    votes = zip(views, segments, vote(networks, prototypes), strict=True)
    return mean_of(networks.class_maps(view, shares.T[:, segment], size) for view, segment, shares in votes)


def best_class(scores: torch.Tensor) -> torch.Tensor:
    """The class of the highest score at each pixel, the first of equal ones: [K, h, w] → [h, w] uint8."""
    return scores.max(0).indices.byte()  # what argmax(0) gives, on a CPU in 8 ms in place of 29 for 21×375×500


def softmax_of(networks: Networks, looks: Iterable[Look], size: Size) -> torch.Tensor:
    """Soft-max of the logits of an image's views, brought to `size` and averaged: K×size."""
    return mean_of(
        networks.class_maps(view, networks.logits(view, embeddings), size).softmax(0) for view, embeddings in looks
    )


def refined(scores: torch.Tensor, colours: np.ndarray, crf: CRFParameters | None) -> torch.Tensor:
    """Scores [K, h, w] after the CRF, on their own device; as they are without parameters. colours: uint8 [h, w, 3]."""
    return scores if crf is None else torch.from_numpy(refine_scores(colours, scores.cpu().numpy(), crf)).to(scores)


retrieval = Scorer(False, retrieval_of_one)
retrieval_pyramid = Scorer(True, retrieval_of)
softmax = Scorer(False, softmax_of)
softmax_pyramid = Scorer(True, softmax_of)
