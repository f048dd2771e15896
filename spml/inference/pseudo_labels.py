"""Scores for pseudo labels: seeds spread over the image by a random walk, or retrieval (paper, section 3.4).

A pseudo label is a function (networks, image) → class scores K×h×w here, and its script in commands/pseudo.py. Images
that inference cuts into tiles are seen by tiles here too, but their scores are those of a smaller image
(`size_in_one`): maxima, regions and walks are of the whole image.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from spml.config import Config
from spml.data.cam_files import seed_scores
from spml.data.labels import VOID, first_tag
from spml.inference.clusters import segment_labelled, unit_prototypes
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.random_walk import STEPS, affinity, random_walk
from spml.inference.scores import ONE_SCALE, mean_of, pyramid_scales, retrieval_of, softmax_of
from spml.inference.tiles import Place, Tile, cut_tiles, put_together, size_in_one
from spml.inference.windows import Size, View
from spml.models.embedding import resize
from spml.segments.nearest import nearest_prototype
from spml.segments.segment import resize_labels

WALK_STRIDE = 8
RETRIEVAL_PYRAMID = (0.5, 1, 1.5, 2)
SOFTMAX_PYRAMID = (0.75, 1)
SOFTMAX_PYRAMID_STEPS = 1
LEAST_MAXIMUM = 0.15  # scores of a class that is hardly seen are not blown up beyond 1 / this


def walk_size(size: Size) -> Size:
    """Height and width at which labels walk."""
    return max(1, size[0] // WALK_STRIDE), max(1, size[1] // WALK_STRIDE)


def present_classes(image: InputImage, num_classes: int) -> torch.Tensor:
    """Which classes the weak label, the tags and the boxes name, as far as these are given: [K] bool."""
    present = np.zeros(num_classes, bool)
    if image.label is not None:
        present[np.unique(image.label[image.label < num_classes])] = True
    present[[*(image.classes or ()), *(box.class_id for box in image.boxes or ())]] = True
    return torch.from_numpy(present)


def to_peak_one(scores: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Each class divided by its maximum, classes that are not present 0: [K, h, w], [K] → [K, h, w]."""
    peak = scores.amax((1, 2), keepdim=True)
    return torch.where(present.to(scores.device)[:, None, None] & (peak > 0), scores / peak, 0)


def upsample(scores: torch.Tensor, size: Size) -> torch.Tensor:
    """Walked scores at the image's size, bilinearly."""
    return resize(scores[None], size)[0]


def view_maps(
    networks: Networks,
    image: InputImage,
    scales: Sequence[float],
    size: Size,
    map_of: Callable[[View, torch.Tensor, Size], torch.Tensor],
    flips: bool = True,
) -> torch.Tensor:
    """Maps of all views of an image, seen in one piece or, a large one, by tiles, at a smaller `size`: [V, D, size].

    map_of: (view, its raw embeddings, height and width h, w) → map [D, h, w].
    """
    pixels = image.unit_range()

    def look(place: Place, size: Size) -> torch.Tensor:
        looks = networks.look(pixels[place], scales, flips, whole=True)
        return torch.stack([map_of(view, embeddings, size) for view, embeddings in looks])

    return put_together(_tiles(networks, image), image.size, size, look)


def _tiles(networks: Networks, image: InputImage) -> list[Tile]:
    return cut_tiles(image.size, tuple(networks.config.test.crop_size))


def cam_walk(networks: Networks, image: InputImage) -> torch.Tensor:
    """CAMs with their background, where there is one, spread by a walk over both flips."""
    dataset, size = networks.config.dataset, size_in_one(image.size)
    cam = image.shrunk(size, dataset.num_classes).tag_maps
    scores = seed_scores(cam, size, dataset.num_classes, first_tag(dataset))
    seeds = torch.from_numpy(scores).to(networks.device)
    if min(size) >= WALK_STRIDE:
        seeds = F.interpolate(seeds[None], scale_factor=1 / WALK_STRIDE, mode="bilinear", align_corners=False)[0]
    else:
        seeds = resize(seeds[None], walk_size(size))[0]

    def embedding(view: View, embeddings: torch.Tensor, size: Size) -> torch.Tensor:
        return view.to_image(networks.raw_embedding(view, embeddings), size)

    maps = view_maps(networks, image, ONE_SCALE, walk_size(size), embedding)
    return upsample(random_walk(seeds, mean_of(map(affinity, maps))), size)


def softmax_seeds(logits: torch.Tensor, image: InputImage, average_logits: bool) -> torch.Tensor:
    """Soft-max of the logits of views [V, K, h, w] within the classes of the weak label, averaged over views.

    average_logits: whether logits are averaged, in place of probabilities.
    """
    scores = logits.mean(0).softmax(0) if average_logits else logits.softmax(1).mean(0)
    return to_peak_one(scores, present_classes(image, len(scores)))


def _walked_softmax(
    networks: Networks, image: InputImage, scales: Sequence[float], average_logits: bool, steps: int
) -> torch.Tensor:
    size = size_in_one(image.size)

    def embedding_and_logits(view: View, embeddings: torch.Tensor, size: Size) -> torch.Tensor:
        embedding = view.to_image(networks.raw_embedding(view, embeddings), size)
        return torch.cat([embedding, networks.class_maps(view, networks.logits(view, embeddings), size)])

    maps = view_maps(networks, image, scales, walk_size(size), embedding_and_logits)
    classes = networks.config.dataset.num_classes
    seeds = softmax_seeds(maps[:, -classes:], image, average_logits)
    return upsample(random_walk(seeds, mean_of(map(affinity, maps[:, :-classes])), steps=steps), size)


def softmax_walk(networks: Networks, image: InputImage) -> torch.Tensor:
    """The classifier's soft-max over both flips, spread by a walk."""
    return _walked_softmax(networks, image, ONE_SCALE, False, STEPS)


def softmax_walk_pyramid(networks: Networks, image: InputImage) -> torch.Tensor:
    """The classifier's soft-max over two scales and flips, smoothed by one step of the walk (second tag round)."""
    return _walked_softmax(networks, image, SOFTMAX_PYRAMID, True, SOFTMAX_PYRAMID_STEPS)


def softmax_within_label(networks: Networks, image: InputImage) -> torch.Tensor:
    """The classifier's soft-max over both flips, 0 for classes that the weak label does not name (self-training)."""
    pixels = image.unit_range()

    def look(place: Place, size: Size) -> torch.Tensor:
        return softmax_of(networks, networks.look(pixels[place], ONE_SCALE), size)

    scores = put_together(_tiles(networks, image), image.size, size_in_one(image.size), look)
    present = present_classes(image, len(scores)).to(scores.device)
    return torch.where(present[:, None, None], scores, 0)


def retrieval_seeds(networks: Networks, image: InputImage) -> torch.Tensor:
    """Retrieval over a pyramid, classes of the weak label brought to a maximum of 1."""
    pixels, scales = image.unit_range(), pyramid_scales(networks.config, RETRIEVAL_PYRAMID)

    def look(place: Place, size: Size) -> torch.Tensor:
        return retrieval_of(networks, networks.look(pixels[place], scales), size)

    scores = put_together(_tiles(networks, image), image.size, size_in_one(image.size), look)
    peak = scores.amax((1, 2), keepdim=True).clamp_min(LEAST_MAXIMUM)
    present = present_classes(image, len(scores)).to(scores.device)
    return torch.where(present[:, None, None], scores / peak, scores)


def nearest_label_shares(
    embedding: torch.Tensor, semantic: torch.Tensor, instance: torch.Tensor, config: Config
) -> torch.Tensor:
    """Shares of the classes in each segment, every pixel taking the class of its nearest labelled segment: K×h×w.

    embedding: [C, h, w]; semantic, instance: [h, w] labels that split segments; no pixel is void.
    """
    num_classes = config.dataset.num_classes
    segments = segment_labelled(embedding, semantic, instance, config)
    prototypes = unit_prototypes(segments)
    label = segments.semantic.new_zeros(len(prototypes)).scatter(0, segments.segment, segments.semantic)
    labelled = label < num_classes
    shares = embedding.new_zeros(len(prototypes), num_classes)
    if labelled.any():
        nearest = label[labelled][nearest_prototype(segments.embedding, prototypes[labelled])]  # [P]
        shares.index_add_(0, segments.segment, F.one_hot(nearest, num_classes).float())
        shares /= segments.segment.bincount()[:, None]
    return shares.T[:, segments.segment].view(num_classes, *semantic.shape)


def nearest_label_walk(networks: Networks, image: InputImage) -> torch.Tensor:
    """Classes of the nearest labelled segments, found at half resolution, spread by a walk (DensePose)."""
    num_classes = networks.config.dataset.num_classes
    small = image.shrunk(size_in_one(image.size), num_classes)
    height, width = (max(1, s // 2) for s in small.size)

    def halved(view: View, embeddings: torch.Tensor, size: Size) -> torch.Tensor:
        """The raw embedding of a view at half its size, C×h×w."""
        canvas = max(1, view.canvas[0] // 2), max(1, view.canvas[1] // 2)
        half = resize(networks.raw_embedding(view, embeddings)[None], canvas)[0]
        half = half[:, : max(1, view.size[0] // 2), : max(1, view.size[1] // 2)]
        return half if half.shape[1:] == size else resize(half[None], size)[0]

    (embedding,) = view_maps(networks, image, ONE_SCALE, (height, width), halved, flips=False)
    # Void pixels are unlabelled, in segments of their own.
    labels = np.stack([np.where(small.weak_label == VOID, num_classes, small.weak_label), small.regions])
    semantic, instance = resize_labels(torch.from_numpy(labels).to(networks.device), (height, width))
    seeds = nearest_label_shares(embedding, semantic, instance, networks.config)
    seeds = to_peak_one(resize(seeds[None], walk_size(small.size))[0], present_classes(image, num_classes))
    walked = random_walk(seeds, affinity(resize(embedding[None], walk_size(small.size))[0]))
    return upsample(walked, small.size)
