"""Scores for pseudo labels by regions of an over-segmentation, for photographs: within labels, tags and boxes."""

import numpy as np
import torch

from spml.data.boxes import box_weights, outside_boxes
from spml.data.labels import first_tag
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.pseudo_labels import present_classes, softmax_within_label
from spml.inference.tiles import size_in_one

SURE = 0.98  # score of a class that a region's labels name, 1 − SURE of the others
SMALLEST = torch.finfo(torch.float32).tiny


def softmax_regions(networks: Networks, image: InputImage) -> torch.Tensor:
    """Self-training's scores averaged over each region; regions with labels of one class alone are of that class.

    Boxes weigh the scores (`class_weights`). Without a background, each class has as much weight as the others in all,
    since the image is known to show it, and scores are 0 outside all boxes. Where regions follow the contours well, as
    HED's do on photographs, this beats a walk over affinities.
    """
    scores = softmax_within_label(networks, image)
    count = len(scores)
    small = image.shrunk(size_in_one(image.size), count)
    regions = torch.from_numpy(small.regions).long().to(scores.device)
    present = present_classes(image, count).to(scores.device)
    weights = torch.from_numpy(class_weights(small, count)).to(scores.device) if small.boxes else 1
    shares = as_shares(scores * weights)
    background = first_tag(networks.config.dataset) > 0
    if not background:
        shares = as_shares(shares / shares.mean((1, 2), keepdim=True).clamp_min(SMALLEST))
    means = region_means(shares, regions)
    if small.label is not None:
        labelled = labelled_classes(torch.from_numpy(small.label).to(scores.device), regions, count)
        sure = labelled.sum(1) == 1
        means[sure] = torch.where(labelled[sure], SURE, 1 - SURE)
    maps = torch.where(present, means, 0).T[:, regions]
    if background:
        return maps
    outside = torch.from_numpy(outside_all(small, count)).to(scores.device)
    return maps.masked_fill_(outside, 0)


def outside_all(image: InputImage, num_classes: int) -> np.ndarray:
    """The pixels outside all boxes, [H, W] bool, where every class that is known to be there has boxes; else none.

    None also where a label shows that the boxes are not all.
    """
    boxes = image.boxes or ()
    boxed = {box.class_id for box in boxes}
    named = set(present_classes(image, num_classes).nonzero().flatten().tolist())
    outside = outside_boxes(boxes, image.size)
    more = image.label is not None and (outside & (image.label < num_classes)).any()
    return outside if boxed and named <= boxed and not more else np.zeros(image.size, bool)


def as_shares(scores: torch.Tensor) -> torch.Tensor:
    """Scores [K, H, W] that sum to 1 at each pixel, or are all 0 there."""
    return scores / scores.sum(0).clamp_min(SMALLEST)


def class_weights(image: InputImage, num_classes: int) -> np.ndarray:
    """What the boxes of an image say of each class at each pixel, [K, H, W] float32.

    A class with boxes has the weights of these (`box_weights`). A class without one weighs 1, as in a box of the whole
    image; so does a class that a label shows outside its boxes, and all where no class is left.
    """
    boxes = image.boxes or ()
    weights = box_weights(range(num_classes), boxes, image.size)
    for label in range(num_classes):
        own = [box for box in boxes if box.class_id == label]
        if not own or (image.label is not None and (image.label == label)[outside_boxes(own, image.size)].any()):
            weights[label] = np.maximum(weights[label], 1)
    weights[:, ~weights[present_classes(image, num_classes).numpy()].any(0)] = 1
    return weights


def region_means(scores: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
    """Mean scores of each region: [K, H, W], [H, W] ids from 0 → [R, K]; 0 for ids that no pixel has."""
    ids, count = regions.flatten(), int(regions.max()) + 1
    total = scores.new_zeros(count, len(scores)).index_add_(0, ids, scores.flatten(1).T)
    return total / ids.bincount(minlength=count).clamp_min(1)[:, None]


def labelled_classes(labels: torch.Tensor, regions: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Whether a pixel of each region is labelled with each class: [H, W] uint8, [H, W] ids from 0 → bool [R, K]."""
    found = torch.zeros(int(regions.max()) + 1, num_classes, dtype=torch.bool, device=labels.device)
    known = labels < num_classes
    found[regions[known], labels[known].long()] = True
    return found
