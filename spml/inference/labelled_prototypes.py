"""Segment prototypes of an image with the majority label of their pixels, for a gallery (paper, section 3.4)."""

from collections.abc import Sequence

import numpy as np
import torch

from spml.data.transforms import resize_label, scaled_size
from spml.inference.clusters import segment_place, unit_prototypes
from spml.inference.gallery import LabelledPrototypes
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.scores import ONE_SCALE, pyramid_scales, resized_image
from spml.inference.tiles import Place, Tile, cut_tiles
from spml.inference.windows import Size, View
from spml.segments.prototypes import majority_label

PROTOTYPE_PYRAMID = (0.5, 1, 1.5)


def view_prototypes(
    networks: Networks, label: np.ndarray, view: View, embeddings: torch.Tensor, place: Place
) -> LabelledPrototypes:
    """Prototypes of a place of one view, whose label map is at the view's size; grid and locations span its canvas."""
    segments = segment_place(networks.unit_embedding(view, embeddings), place, networks.config)
    label = label[place]
    majority = majority_label(
        torch.from_numpy(label).to(networks.device).long().flatten(), segments.segment, segments.num_segments
    )
    arrays = unit_prototypes(segments), majority, segments.segment.view(label.shape).int()
    return LabelledPrototypes(*(array.cpu().numpy() for array in arrays))


def image_prototypes(
    networks: Networks, image: InputImage, scales: Sequence[float] | None = None
) -> LabelledPrototypes:
    """Prototypes of the segments at each scale of the image as it is; None: at `test.image_size`.

    A large image is seen by tiles, whose cores have segments of their own.
    """
    pixels = resized_image(image, networks.config) if scales is None else image.unit_range()
    height, width = pixels.shape[:2]
    scales = ONE_SCALE if scales is None else scales
    last = scaled_size((height, width), scales[-1])
    found, segment, count = [], np.zeros(last, np.int32), 0
    for tile, label in _labelled_tiles(networks, image, (height, width)):
        views = _tile_prototypes(networks, pixels[tile.window], label, tile, scales)
        found += views
        core = tile.scaled((height, width), last).core
        segment[core] = resize_label(views[-1].segment, segment[core].shape) + count
        count += len(views[-1].label)
    prototype, majority = (np.concatenate([getattr(f, name) for f in found]) for name in ("prototype", "label"))
    return LabelledPrototypes(prototype, majority, segment)


def _labelled_tiles(networks: Networks, image: InputImage, size: Size) -> list[tuple[Tile, np.ndarray]]:
    """The tiles of an image seen at `size`, each with the label map of its window."""
    tiles = cut_tiles(size, tuple(networks.config.test.crop_size))
    if len(tiles) == 1:
        return [(tiles[0], image.weak_label)]
    label = resize_label(image.weak_label, size)
    return [(tile, label[tile.window]) for tile in tiles]


def _tile_prototypes(
    networks: Networks, pixels: np.ndarray, label: np.ndarray, tile: Tile, scales: Sequence[float]
) -> list[LabelledPrototypes]:
    """Prototypes of the core of a tile at each scale; pixels [h, w, 3], label: of its window."""
    height, width = pixels.shape[:2]
    window = Tile((slice(0, height), slice(0, width)), tile.inner)
    return [
        view_prototypes(
            networks,
            resize_label(label, view.size),
            view,
            embeddings,
            window.scaled((height, width), view.size).core,
        )
        for view, embeddings in networks.look(pixels, scales, flips=False)
    ]


def prototype_pyramid(networks: Networks, image: InputImage) -> LabelledPrototypes:
    """Prototypes of the segments at the scales of `test.scales`, by default the published three."""
    return image_prototypes(networks, image, pyramid_scales(networks.config, PROTOTYPE_PYRAMID))
