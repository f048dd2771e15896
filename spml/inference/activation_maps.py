"""Class activation maps of an image: all scales and flips added up, each class scaled to 0..1 (IRNet's form)."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from spml.config import Config
from spml.inference.tiles import Place, cut_tiles, put_together
from spml.inference.windows import Size, average_windows, embed_views, make_views

SMALLEST_MAXIMUM = 1e-5


def activation_maps(
    network: Callable[[torch.Tensor], torch.Tensor],
    image: np.ndarray,
    config: Config,
    device: torch.device,
    keep: Sequence[int] | None = None,
) -> torch.Tensor:
    """Maps T×H×W of an image [H, W, 3] in 0..1 over `test.scales`, each of the T tags divided by its maximum.

    network: normalised image N×3×h×w → maps N×T×h/8×w/8; keep: places of the tags whose maps are wanted, None: all. A
    large image is seen by tiles. Classes that have sides change them back in mirrored views (`dataset.mirror_classes`).
    """

    def look(place: Place, size: Size) -> torch.Tensor:
        maps = summed_maps(network, image[place], config, device, size)
        return maps if keep is None else maps[list(keep)]

    height, width = image.shape[:2]
    tiles = cut_tiles((height, width), tuple(config.test.crop_size))
    total = put_together(tiles, (height, width), (height, width), look)
    return total.div_(total.amax((1, 2), keepdim=True).clamp_min(SMALLEST_MAXIMUM))


def summed_maps(
    network: Callable[[torch.Tensor], torch.Tensor], image: np.ndarray, config: Config, device: torch.device, size: Size
) -> torch.Tensor:
    """Maps of an image [H, W, 3] seen in one piece, brought to `size` and added up over scales and flips: T×size."""
    total = torch.zeros(())
    views = make_views(image, config.test.scales, config, whole=True)
    for view, windows in zip(views, embed_views(network, views, device), strict=True):
        maps = average_windows(view, windows, lambda values: values)
        total = total + view.class_maps(maps, config.dataset.mirror_classes, size)
    return total
