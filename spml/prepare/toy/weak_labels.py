"""Weak labels of a toy picture, made from its classes and objects as an annotator would."""

from collections.abc import Sequence
from xml.etree import ElementTree

import cv2
import numpy as np

from spml.data.labels import UNLABELLED
from spml.prepare.strokes import dilate
from spml.prepare.toy.scenes import Scene
from spml.prepare.toy.shapes import depth
from spml.prepare.toy.textures import noise

STROKE_WIDTH = 3
BACKGROUND_MARKS = 2


def visible_regions(scene: Scene) -> list[tuple[int, np.ndarray]]:
    """What shows of each part of each object, as (class, H×W bool), background left out."""
    keys = scene.instance.astype(int) * 256 + scene.semantic
    return [(int(key) % 256, keys == key) for key in np.unique(keys) if key >= 256]


def label_points(rng: np.random.Generator, scene: Scene, width: int) -> np.ndarray:
    """Label map with a dot `width` pixels across in each visible region and two in the background, rest unlabelled."""
    label = np.full(scene.semantic.shape, UNLABELLED, np.uint8)
    for part, region in visible_regions(scene):
        label[dot(rng, region, width)] = part
    ground = scene.semantic == 0
    for _ in range(BACKGROUND_MARKS):
        mark = dot(rng, ground, width)
        label[mark] = 0
        ground &= ~dilate(mark, len(mark) // 4)
    return label


def dot(rng: np.random.Generator, region: np.ndarray, width: int) -> np.ndarray:
    """A dot at a random place well inside a region (H×W bool), cut to the region where that is narrower."""
    inside = depth(region)
    places = np.flatnonzero(inside >= max(min(width / 2 + 0.5, inside.max()), inside.max() / 2))
    mark = np.zeros(region.shape, bool)
    mark.flat[rng.choice(places)] = True
    return dilate(mark, width) & region


def label_scribbles(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Label map with a curved stroke in each visible region and one or two in the background, rest unlabelled."""
    label = np.full(scene.semantic.shape, UNLABELLED, np.uint8)
    for part, region in visible_regions(scene):
        label[stroke(rng, region)] = part
    ground = scene.semantic == 0
    for _ in range(rng.integers(1, BACKGROUND_MARKS + 1)):
        mark = stroke(rng, ground, reach=0.6)
        label[mark] = 0
        ground &= ~dilate(mark, len(mark) // 6)
    return label


def stroke(rng: np.random.Generator, region: np.ndarray, reach: float = 1.0) -> np.ndarray:
    """A stroke between two far places of a region's largest piece, keeping to its middle, with a hand's detours.

    reach: how much of the way between the places is drawn.
    """
    from skimage.graph import route_through_array

    inside = depth(region)
    inside = depth(largest_piece(inside >= min(2, inside.max())))
    detours = np.exp(0.6 * noise(rng, len(region), len(region) / 6))
    cost = np.where(inside > 0, detours / np.maximum(inside, 0.5) ** 1.5, -1)
    places = np.argwhere(inside > 0)
    start = farthest(places, places[rng.integers(len(places))])
    route = np.array(route_through_array(cost, start, farthest(places, start))[0])
    line = np.zeros(region.shape, bool)
    line[tuple(route[: max(1, int(reach * len(route)))].T)] = True
    return dilate(line, STROKE_WIDTH) & region


def largest_piece(region: np.ndarray) -> np.ndarray:
    """The largest connected piece of a region (H×W bool)."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    return pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()


def farthest(places: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The place (y, x) farthest from another, by the straight way."""
    return places[((places - start) ** 2).sum(1).argmax()]


def tags_of_scene(scene: Scene) -> list[int]:
    """The classes that show, background left out, ascending."""
    return [int(label) for label in np.unique(scene.semantic) if label]


def boxes_as_xml(name: str, scene: Scene, class_names: Sequence[str]) -> str:
    """VOC annotation XML with the box of what shows of each object; VOC counts pixels from 1, the last one included."""
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = f"{name}.jpg"
    height, width = scene.semantic.shape
    _add_numbers(ElementTree.SubElement(root, "size"), width=width, height=height, depth=3)
    for label, region in visible_regions(scene):
        item = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(item, "name").text = class_names[label]
        _add_numbers(item, difficult=0)
        rows, columns = np.flatnonzero(region.any(1)) + 1, np.flatnonzero(region.any(0)) + 1
        box = ElementTree.SubElement(item, "bndbox")
        _add_numbers(box, xmin=columns[0], ymin=rows[0], xmax=columns[-1], ymax=rows[-1])
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_numbers(element: ElementTree.Element, **numbers: int) -> None:
    for tag, number in numbers.items():
        ElementTree.SubElement(element, tag).text = str(number)
