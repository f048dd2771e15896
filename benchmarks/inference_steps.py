"""Steps of inference: the nearest prototypes, the random walk, majority labels."""

import plain
import torch
from steps import Step
from torch.nn.functional import interpolate, normalize

from spml.inference.gallery import Gallery
from spml.inference.random_walk import affinity, random_walk
from spml.inference.retrieval import nearest_labels
from spml.segments.prototypes import majority_label

CLASSES, NEIGHBOURS = 21, 20


def gallery(size, device):
    """Random queries, and remembered prototypes with their classes."""
    g = torch.Generator().manual_seed(0)
    count = size["prototypes"]
    query, embedding = (normalize(torch.randn(n, size["channels"], generator=g)) for n in (size["segments"], count))
    return query.to(device), Gallery(embedding.to(device), torch.randint(CLASSES, (count,), generator=g).to(device))


def short_gallery(size, device):
    """The same with prototypes in float16."""
    query, whole = gallery(size, device)
    return query, Gallery(whole.embedding.half(), whole.label)


def walk(size, device):
    """Seeds and an embedding, of which neighbours are alike."""
    g, shape = torch.Generator().manual_seed(0), (size["height"], size["width"])
    coarse = torch.randn(1, 64, *(side // 8 for side in shape), generator=g)
    smooth = interpolate(coarse, shape, mode="bilinear", align_corners=False)[0]
    return torch.rand(CLASSES, *shape, generator=g).to(device), smooth.to(device)


def labelled_segments(size, device):
    """A label and a segment of each pixel, and the number of segments."""
    g, pixels, segments = torch.Generator().manual_seed(0), size["pixels"], size["segments"]
    drawn = (torch.randint(most, (pixels,), generator=g).to(device) for most in (256, segments))
    return *drawn, segments


FEW, SHORT_FEW = {"segments": 144, "channels": 64}, {"segments": 9, "channels": 8}
GALLERIES = [{"prototypes": count, **FEW} for count in (300_000, 75_000, 1_200_000, 4_500_000)]

STEPS = {
    "the 20 nearest prototypes": Step(
        gallery,
        lambda inputs: nearest_labels(*inputs, NEIGHBOURS),
        lambda inputs: plain.nearest_labels(inputs[0], inputs[1].embedding, inputs[1].label, NEIGHBOURS),
        [*GALLERIES, {**GALLERIES[0], "segments": 1440}],
        [{"prototypes": 500, **SHORT_FEW}],
        tolerance=1e-4,
        plain_up_to=1 << 33,
    ),
    "the 20 nearest prototypes, float16": Step(
        short_gallery,
        lambda inputs: nearest_labels(*inputs, NEIGHBOURS),
        lambda inputs: plain.nearest_labels(inputs[0], inputs[1].embedding.float(), inputs[1].label, NEIGHBOURS),
        [GALLERIES[0]],
        [{"prototypes": 500, **SHORT_FEW}],
        tolerance=1e-4,
    ),
    "random walk": Step(
        walk,
        lambda inputs: random_walk(inputs[0], affinity(inputs[1])),
        lambda inputs: plain.random_walk(*inputs, sharpness=5, power=20, doublings=6),
        [{"height": 48, "width": 64}, {"height": 32, "width": 64}, {"height": 64, "width": 64}],
        [{"height": 8, "width": 16}],
        tolerance=1e-4,
    ),
    "majority labels": Step(
        labelled_segments,
        lambda inputs: majority_label(*inputs),
        lambda inputs: plain.majority_label(*inputs),
        [{"pixels": 187_500, "segments": 144}],
        [{"pixels": 300, "segments": 9}],
    ),
}
