"""Class activation maps of an image: all scales and flips added up, each class scaled to 0..1 (IRNet's form)."""

from collections.abc import Callable

import numpy as np
import torch

from spml.config import Config
from spml.inference.windows import average_windows, embed_views, make_views

SMALLEST_MAXIMUM = 1e-5


def activation_maps(
    network: Callable[[torch.Tensor], torch.Tensor], image: np.ndarray, config: Config, device: torch.device
) -> torch.Tensor:
    """Maps T×H×W of an image [H, W, 3] in 0..1 over `test.scales`, each of the T tags divided by its maximum.

    network: normalised image N×3×h×w → maps N×T×h/8×w/8. Classes that have sides change them back in mirrored
    views (`dataset.mirror_classes`).
    """
    total = torch.zeros(())
    sides = config.dataset.mirror_classes
    views = make_views(image, config.test.scales, config, whole=True)
    for view, windows in zip(views, embed_views(network, views, device), strict=True):
        maps = average_windows(view, windows, lambda values: values)
        total = total + view.class_maps(maps, sides, image.shape[:2])
    return total / total.amax((1, 2), keepdim=True).clamp_min(SMALLEST_MAXIMUM)
