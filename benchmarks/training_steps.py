"""Steps of training: the contrastive loss on labels and on tag sets, k-means."""

import plain
import torch
from steps import Step
from torch.nn.functional import interpolate, normalize

from spml.losses.contrastive import Contrast, contrastive_loss
from spml.segments.kmeans import initial_clusters, spherical_kmeans

CONCENTRATION, CLASSES, IMAGES = 6, 21, 8


def random_vectors(size, device):
    """Anchors and prototypes, both with gradients, and each anchor's own segment; the generator beside them."""
    g = torch.Generator().manual_seed(0)
    pixels, segments, channels = size["pixels"], size["segments"], size["channels"]
    vectors = [normalize(torch.randn(n, channels, generator=g), dim=1).to(device) for n in (pixels, segments)]
    return [v.requires_grad_() for v in vectors], torch.randint(segments, (pixels,), generator=g), g


def labels(size, device):
    """A Contrast by class labels."""
    vectors, own, g = random_vectors(size, device)
    label = torch.randint(CLASSES, (size["segments"],), generator=g)
    return Contrast(*vectors, *(x.to(device) for x in (own, label[own], torch.eye(CLASSES).bool(), label)))


def tag_sets(size, device):
    """A Contrast by the tag sets of the images, each of two tags or so."""
    vectors, own, g = random_vectors(size, device)
    tags = torch.rand(IMAGES, CLASSES, generator=g) < 2 / CLASSES
    image = torch.randint(IMAGES, (size["segments"],), generator=g)
    positive = (tags.float() @ tags[image].float().T) > 0
    return Contrast(*vectors, *(x.to(device) for x in (own, image[own], positive)))


def our_loss(c):
    """Loss and gradients."""
    loss = contrastive_loss(c, CONCENTRATION)
    return loss.detach(), *torch.autograd.grad(loss, (c.anchor, c.prototype))


def plain_loss(c):
    """The same by the plain formula."""
    positive = c.positive if c.key is None else c.positive[:, c.key]
    loss = plain.contrastive_loss(c.anchor, c.prototype, c.own, positive[c.group], CONCENTRATION)
    return loss.detach(), *torch.autograd.grad(loss, (c.anchor, c.prototype))


def pixels_to_cluster(smooth):
    """Makes unit vectors of noise, or of a field as smooth as an upsampled embedding, and their grid of clusters."""

    def make(size, device):
        g, side = torch.Generator().manual_seed(0), size["side"]
        coarse = torch.randn(size["images"], size["channels"], *2 * [side // 16 if smooth else side], generator=g)
        x = interpolate(coarse, (side, side), mode="bilinear", align_corners=False) if smooth else coarse
        place = torch.linspace(-0.5, 0.5, side)
        location = torch.stack(torch.meshgrid(place, place, indexing="ij"), -1).expand(len(x), side, side, 2)
        x = torch.cat([normalize(x.permute(0, 2, 3, 1), dim=-1), location], -1)
        x = normalize(x, dim=-1).flatten(1, 2).to(device)
        cluster = initial_clusters(side, side, size["grid"], size["grid"], device).flatten()
        return x, cluster, int(cluster.max()) + 1

    return make


def cluster_by(function):
    """Clusters image by image, in ten iterations."""
    return lambda inputs: torch.cat([function(x, inputs[1], inputs[2], 10) for x in inputs[0]])


LOSS_SIZES = [{"pixels": p, "segments": s, "channels": 64} for p, s in (
    (16384, 2000), (4096, 2000), (65536, 2000), (16384, 500), (16384, 8000), (65536, 15000),
)]  # fmt: skip
SHORT_LOSS = [{"pixels": 300, "segments": 40, "channels": 8}]
LARGE = {"images": 1, "side": 512, "channels": 62, "grid": 12}
KMEANS_SIZES = [LARGE, {**LARGE, "side": 128}, {**LARGE, "side": 256}, {**LARGE, "grid": 6}]
SHORT_KMEANS = [{"images": 2, "side": 32, "channels": 6, "grid": 3}]
TRAINING = {"images": 4, "side": 128, "channels": 62, "grid": 6}

STEPS = {
    "loss on class labels": Step(labels, our_loss, plain_loss, LOSS_SIZES, SHORT_LOSS, plain_up_to=1 << 34),
    "loss on tag sets": Step(tag_sets, our_loss, plain_loss, LOSS_SIZES, SHORT_LOSS, plain_up_to=1 << 34),
    **{
        f"k-means, {kind}": Step(
            pixels_to_cluster(kind != "noise"), cluster_by(spherical_kmeans), cluster_by(plain.kmeans), sizes,
            SHORT_KMEANS, tolerance=1e-4,
        )
        for kind, sizes in (("noise", KMEANS_SIZES), ("smooth", KMEANS_SIZES), ("a batch", [TRAINING]))
    },
}  # fmt: skip
