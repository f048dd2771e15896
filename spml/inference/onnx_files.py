"""Trained networks as ONNX files, which other programs run without this one."""

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from spml.data.files import atomic_path
from spml.errors import UserError
from spml.inference.segmenter import Segmenter
from spml.models.embedding import resize
from spml.models.heads import GridPool

SIDE_STEP = 8  # of the backbone: images are padded to a multiple of it
EXAMPLE = (2, 88, 120, 3)  # any numbers that differ
CHECKED = ((1, 64, 96, 3), (2, 77, 131, 3), (1, 33, 41, 3))
LARGEST_DIFFERENCE = 1e-3
AXES = ("batch", "height", "width")
OPSET = 17
REFUSED = "the network cannot be exported to ONNX"


class ImageNetwork(nn.Module):
    """Images uint8 N×H×W×3, RGB → raw embeddings at their padded size N×C×·×·, as one window shows them."""

    means: torch.Tensor
    stds: torch.Tensor

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.embedding = deepcopy(segmenter.embedding)
        for module in self.embedding.modules():
            if isinstance(module, GridPool):
                module.by_products = True
        for name in ("means", "stds"):
            values = torch.tensor(segmenter.config.network[f"pixel_{name}"], device=segmenter.device)
            self.register_buffer(name, values)

    def raw(self, image: torch.Tensor, head: nn.Module | None = None) -> torch.Tensor:
        """Raw embeddings of images, padded at the right and bottom to a multiple of the stride by the mean colour.

        head: what makes something else of them before they are brought to that size.
        """
        height, width = image.shape[1:3]
        pixels = ((image.float() / 255 - self.means) / self.stds).permute(0, 3, 1, 2)
        pixels = F.pad(pixels, (0, -width % SIDE_STEP, 0, -height % SIDE_STEP))
        embedding = self.embedding(pixels)
        return resize(embedding if head is None else head(embedding), pixels.shape[-2:])


class UnitEmbedding(ImageNetwork):
    """Images uint8 N×H×W×3, RGB → embeddings N×C×H×W of length 1 (paper, section 3.1)."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Images uint8 N×H×W×3 → embeddings N×C×H×W."""
        return F.normalize(self.raw(image)[:, :, : image.shape[1], : image.shape[2]], dim=1)


class ClassShares(ImageNetwork):
    """Images uint8 N×H×W×3, RGB → soft-max of the classifier N×K×H×W; the segmenter needs a classifier."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__(segmenter)
        self.classifier = deepcopy(segmenter.classifier)
        self.by_pixel = segmenter.config.test.classify == "pixels"

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Images uint8 N×H×W×3 → shares N×K×H×W; raises ValueError where there is no classifier."""
        if self.classifier is None:
            raise ValueError("the snapshot holds no classifier")
        logits = self.classifier(self.raw(image)) if self.by_pixel else self.raw(image, self.classifier)
        return logits[:, :, : image.shape[1], : image.shape[2]].softmax(1)


def write_onnx(network: ImageNetwork, output: str, path: Path) -> float | None:
    """Write a network as ONNX with the input `image` and the named output, of any batch, height and width.

    Returns the largest difference from PyTorch over CHECKED sizes, None where onnxruntime is not installed. Raises
    UserError where packages are missing, the network has no form in ONNX, or the difference is above
    LARGEST_DIFFERENCE; nothing is written then.
    """
    network.cpu().eval()
    with atomic_path(path) as partial:
        _export(network, output, partial)
        difference = _difference(network, str(partial))
        if difference is not None and not difference <= LARGEST_DIFFERENCE:
            raise UserError(f"{path}: differs from PyTorch by {difference:.2g}, more than {LARGEST_DIFFERENCE:g}")
    return difference


def need_onnx() -> None:
    """Raise UserError that says what to install where the export lacks it."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise UserError(f"the export needs onnx ({error}): pip install onnx onnxruntime") from None


def _export(network: ImageNetwork, output: str, path: Path) -> None:
    need_onnx()
    if any(getattr(module, "dynamic_img_size", False) for module in network.modules()):
        # The exporter would say so too, and print a thousand lines of the network first.
        raise UserError(f"{REFUSED} (a transformer of timm, which resamples its positions)")
    example = (torch.zeros(EXAMPLE, dtype=torch.uint8),)
    sizes = {"image": dict(zip((0, 1, 2), AXES, strict=True)), output: dict(zip((0, 2, 3), AXES, strict=True))}
    names: dict[str, Any] = {"input_names": ["image"], "output_names": [output], "dynamic_axes": sizes}
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # that sizes are traced, and of the exporter's age
            # The other exporter takes forty times as long, and more packages.
            torch.onnx.export(network, example, path, dynamo=False, opset_version=OPSET, **names)
    except Exception as error:  # the exporter raises a dozen kinds
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{REFUSED} ({reason[:200]})") from None


def _difference(network: nn.Module, path: str) -> float | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    largest = 0.0
    for size in CHECKED:
        image = random.integers(0, 256, size, np.uint8)
        with torch.inference_mode():
            expected = network(torch.from_numpy(image)).numpy()
        (found,) = session.run(None, {"image": image})
        largest = max(largest, float(np.abs(found - expected).max()))
    return largest
