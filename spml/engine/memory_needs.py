"""How much memory a training run takes at least, looked at before anything is built."""

import torch

from spml.config import Config
from spml.devices import need_memory
from spml.launcher import ranks_here
from spml.models.backbones import parse_backbone

# Numbers a pixel of the crop that convolutions and batch norms give: all together, which training keeps, and the
# largest alone. Counted; of timm's models, which differ, those of the smallest.
BACKBONE_OUTPUTS = {"tiny": (100, 12), "18": (300, 32), "50": (1100, 32), "101": (1900, 32), "timm": (50, 4)}
SMALLEST_NUMBER = 2  # bytes, where train.amp is bf16 or early stages are frozen
USUALLY_FROZEN = 2  # stages; where more are, less is kept
SAMPLE_BYTES = 28  # a pixel: three colours in float32, two label maps in int64
EMBEDDING_COPIES = 3  # v, v+ and a gradient, float32 at stride 4
HEAD_TAPS = {"deeplab": 4 * 9, "pspnet": 1}  # weights of the last convolutions for each channel in and out
CHANNELS_IN = 128  # at least
WEIGHT_COPIES = 3  # weight, gradient, momentum


def need_training_memory(config: Config, device: torch.device) -> None:
    """Raise UserError where the device lacks memory for a batch, by an estimate that is about half of what is taken.

    Outputs of the backbone at `train.crop_size`, embeddings, weights of the head; on the CPU those of all processes of
    the machine.
    """
    head, backbone = parse_backbone(config.network.backbone_types)
    height, width = config.train.crop_size
    kept, largest = BACKBONE_OUTPUTS.get(backbone, BACKBONE_OUTPUTS["timm"])
    learns = config.network.prediction_types != "softmax_classifier" and config.train.freeze_at <= USUALLY_FROZEN
    dim = config.network.embedding_dim if config.network.prediction_types != "cam" else 0
    a_pixel = SMALLEST_NUMBER * (kept if learns else largest) + SAMPLE_BYTES + dim / 16 * 4 * EMBEDDING_COPIES
    weights = HEAD_TAPS[head] * CHANNELS_IN * dim * 4 * (WEIGHT_COPIES if learns else 1)
    processes = ranks_here() if device.type == "cpu" else 1
    what = f"train.batch_size {config.train.batch_size}, train.crop_size {list(config.train.crop_size)}"
    needed = processes * (config.train.batch_size * height * width * a_pixel + weights)
    need_memory(needed, device, f"{what}, network.embedding_dim {config.network.embedding_dim}")
