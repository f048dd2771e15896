"""Toy figures of body parts: left and right ones look the same, and only their place in the figure tells them apart."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from spml.prepare.toy.scenes import Scene, draw_background, lay_over, random_colour, shade, take_picture
from spml.prepare.toy.shapes import capsule, depth
from spml.prepare.toy.textures import fractal_noise, paint

# Figures face the viewer: their right is on the picture's left.
TOY_PARTS = ("background", "torso", "right arm", "left arm", "right leg", "left leg", "head")
TORSO, RIGHT_ARM, LEFT_ARM, RIGHT_LEG, LEFT_LEG, HEAD = range(1, len(TOY_PARTS))
# In pixels at 96 pixels: what an annotator needs to see of a part.
SMALLEST_PART, PART_DEPTH = 24, 2.0

Part = tuple[int, np.ndarray]  # class and H×W bool mask


def draw_figures(rng: np.random.Generator, size: int) -> Scene:
    """Draw one or two figures, each with all its six parts to be seen, on clutter; `size` in pixels, at least 64."""
    canvas = draw_background(rng, size, most_saturated=0.25)
    semantic = np.zeros((size, size), np.uint8)
    instance = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(1, 3)):
        parts = place_figure(rng, semantic, instance)
        if parts is None:
            continue
        figure, looks = instance.max() + 1, dress(rng, size)
        for part, mask in parts:
            canvas = lay_over(canvas, looks[part], mask)
            semantic[mask], instance[mask] = part, figure
    return Scene(take_picture(rng, canvas), semantic, instance)


def place_figure(
    rng: np.random.Generator, semantic: np.ndarray, instance: np.ndarray, tries: int = 60
) -> list[Part] | None:
    """The parts (class, mask) of one more figure, in the order of drawing, or None where no try leaves all parts seen.

    semantic, instance: H×W maps of the figures drawn so far, unchanged.
    """
    for _ in range(tries):
        parts = pose(rng, len(semantic))
        after, figures = semantic.copy(), instance.copy()
        for part, mask in parts:
            after[mask], figures[mask] = part, instance.max() + 1
        if all_parts_visible(after, figures):
            return parts
    return None


def all_parts_visible(semantic: np.ndarray, instance: np.ndarray) -> bool:
    """Whether every figure shows enough of each of its parts."""
    least = SMALLEST_PART * (len(semantic) / 96) ** 2
    regions = [
        (semantic == part) & (instance == figure)
        for figure in range(1, instance.max() + 1)
        for part in range(TORSO, HEAD + 1)
    ]
    return all(region.sum() >= least and depth(region).max() >= PART_DEPTH for region in regions)


def pose(rng: np.random.Generator, size: int) -> list[Part]:
    """A figure at a random place, in a random size, slope and gesture: (class, H×W bool) pairs in drawing order."""
    unit = size * rng.uniform(0.11, 0.18)
    centre, slope = rng.uniform(0.2, 0.8, 2) * size, rng.normal(0, 0.2)
    turn = np.array([[np.cos(slope), np.sin(slope)], [-np.sin(slope), np.cos(slope)]])
    return [
        (part, draw_limb(size, centre + unit * joints @ turn, unit * width)) for part, joints, width in skeleton(rng)
    ]


def skeleton(rng: np.random.Generator) -> list[tuple[int, np.ndarray, float]]:
    """(class, joints [n, 2] as (down, right) of the figure's middle, width) of each part; the head is 0.9 across."""
    legs, waist, neck = rng.uniform(0.85, 1.15), rng.uniform(0.8, 1.0), 1.6
    parts = []
    for side, leg, arm in ((-1, RIGHT_LEG, RIGHT_ARM), (1, LEFT_LEG, LEFT_ARM)):
        hip, knee, shoulder, elbow = rng.uniform((0.05, -0.5, 0.4, -0.9), (0.7, 0.3, 2.6, 0.9))
        parts.append((leg, limb((waist, 0.35 * side), side * np.array([hip, hip + knee]), 0.95 * legs), 0.55))
        parts.append((arm, limb((-0.8, 0.6 * side), side * np.array([shoulder, shoulder + elbow]), 0.8), 0.45))
    parts.append((TORSO, np.array([[-0.55, 0], [waist - 0.2, 0]]), 1.15))
    parts.append((HEAD, np.array([[-neck, 0], [-neck - 0.15, 0]]), 0.95))
    return parts


def limb(start: ArrayLike, angles: np.ndarray, length: float) -> np.ndarray:
    """Joints [n + 1, 2] of a limb of n pieces of this length, from `start` on, at these angles from straight down."""
    steps = length * np.stack([np.cos(angles), np.sin(angles)], 1)
    first = np.asarray(start)
    return np.concatenate([first[None], first + np.cumsum(steps, 0)])


def draw_limb(size: int, joints: np.ndarray, width: float) -> np.ndarray:
    """A bent thick line through its joints, as (y, x) in pixels: H×W bool."""
    return np.any([capsule(size, start, end, width) for start, end in pairwise(joints)], axis=0)


def dress(rng: np.random.Generator, size: int) -> dict[int, np.ndarray]:
    """What each part looks like, {class: H×W×3}: both arms alike, both legs alike, sleeves often as the torso."""
    shirt, trousers, skin = (cloth(rng, size, random_colour(rng, 0.5, 0.95)) for _ in range(3))
    head = cloth(rng, size, np.array([0.85, 0.65, 0.5]) * rng.uniform(0.45, 1.1))
    arms = (shirt, skin, head)[rng.choice(3, p=(0.4, 0.4, 0.2))]
    return {TORSO: shirt, RIGHT_ARM: arms, LEFT_ARM: arms, RIGHT_LEG: trousers, LEFT_LEG: trousers, HEAD: head}


def cloth(rng: np.random.Generator, size: int, colour: np.ndarray) -> np.ndarray:
    """A whole picture of one colour with folds."""
    return shade(rng, paint(0.6 * fractal_noise(rng, size, 0.1 * size), colour, 0.8 * colour))
