"""Points and scribbles of MSRC-21, drawn from its segments as an annotator would: one mark a segment."""

from collections.abc import Iterable

import numpy as np

from spml.data.labels import UNLABELLED
from spml.prepare.scribbles import SCRIBBLE_WIDTH
from spml.prepare.strokes import dilate
from spml.prepare.toy.shapes import depth
from spml.prepare.toy.weak_labels import farthest, largest_piece

# A dot is seven pixels across.
DOT_RADIUS = 3
# A dot lies, and a stroke ends, at this share of the segment's largest depth at least.
DOT_DEPTH, END_DEPTH = 0.6, 0.5
# How much a stroke keeps to the middle: the cost of a step falls with this power of the depth.
MIDDLE_POWER = 1.5

Regions = Iterable[tuple[int, np.ndarray]]


def draw_dots(rng: np.random.Generator, size: tuple[int, int], regions: Regions) -> np.ndarray:
    """Label map, H×W uint8, with a dot at a random place well inside each region, the rest unlabelled.

    regions: class and H×W bool of each; dots are cut to their region.
    """
    return _draw(size, ((label, region & _dot(rng, region)) for label, region in regions))


def draw_strokes(rng: np.random.Generator, size: tuple[int, int], regions: Regions) -> np.ndarray:
    """Label map, H×W uint8, with a stroke of SCRIBBLE_WIDTH along the middle of each region, the rest unlabelled.

    regions: class and H×W bool of each; strokes are cut to their region.
    """
    return _draw(size, ((label, region & dilate(_stroke(rng, region), SCRIBBLE_WIDTH)) for label, region in regions))


def _draw(size: tuple[int, int], marks: Regions) -> np.ndarray:
    label_map = np.full(size, UNLABELLED, np.uint8)
    for label, mark in marks:
        label_map[mark] = label
    return label_map


def _dot(rng: np.random.Generator, region: np.ndarray) -> np.ndarray:
    inside = depth(region)
    y, x = rng.choice(np.argwhere(inside >= DOT_DEPTH * inside.max()))
    rows, columns = np.ogrid[: region.shape[0], : region.shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 <= DOT_RADIUS**2


def _stroke(rng: np.random.Generator, region: np.ndarray) -> np.ndarray:
    """A line between two far places inside the region's largest piece; the first is the farthest from a random one."""
    from skimage.graph import route_through_array

    inside = depth(largest_piece(region))
    places = np.argwhere(inside >= END_DEPTH * inside.max())
    start = farthest(places, rng.choice(places))
    cost = np.where(inside > 0, np.maximum(inside, 1) ** -MIDDLE_POWER, -1)
    line = np.zeros(region.shape, bool)
    line[tuple(np.transpose(route_through_array(cost, start, farthest(places, start))[0]))] = True
    return line
