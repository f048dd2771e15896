"""Class activation maps of an image's tags: all scales and flips added up, each class scaled to 0..1 (IRNet's form)."""

import numpy as np
import torch
from tqdm import tqdm

from spml.data.cam_files import cam_path, write_cam
from spml.data.files import read_image
from spml.data.tag_files import read_tags
from spml.devices import choose_device
from spml.errors import UserError
from spml.inference.windows import average_windows, embed_views, make_views
from spml.models.weights import load_cam

SMALLEST_MAXIMUM = 1e-5


def write_cams(job):
    """Write the class activation maps of every image of a job to SAVE_DIR/ID.npy."""
    if not job.config.dataset.tags_file:
        raise UserError("dataset.tags_file is empty, expected the file that pyscripts/data/image_tags.py writes")
    tags = read_tags(job.config.dataset.tags_file, job.config.dataset.num_classes)
    untagged = [sample.id for sample in job.samples if sample.id not in tags]
    if untagged:
        raise UserError(f"{job.config.dataset.tags_file}: has no line for {untagged[0]} and {len(untagged) - 1} more")
    device = choose_device(job.flags.device)
    backbone, head = load_cam(job.config, job.snapshot, device)
    network = lambda image: head.activation(backbone(image))  # noqa: E731
    with torch.inference_mode():
        for sample in tqdm(job.samples, unit="image", desc="cams"):
            image = read_image(sample.image)
            maps = activation_maps(network, image.astype(np.float32) / 255, job.config, device)
            chosen = {label: maps[label - 1].cpu().numpy() for label in tags[sample.id]}
            write_cam(cam_path(job.outputs.save_dir, sample.id), chosen)


def activation_maps(network, image, config, device):
    """Maps (K−1)×H×W of an image [H, W, 3] in 0..1 over `test.scales`, each class divided by its maximum."""
    total = 0
    views = make_views(image, config.test.scales, config, whole=True)
    for view, windows in zip(views, embed_views(network, views, device), strict=True):
        total = total + view.to_image(average_windows(view, windows, lambda maps: maps), image.shape[:2])
    return total / total.amax((1, 2), keepdim=True).clamp_min(SMALLEST_MAXIMUM)
