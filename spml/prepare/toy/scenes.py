"""Toy scenes: textured objects of five classes before clutter, told apart by hue and pattern together."""

from dataclasses import dataclass

import cv2
import numpy as np

from spml.prepare.toy.shapes import depth, random_shape
from spml.prepare.toy.textures import (
    checks,
    dots,
    fractal_noise,
    hsv_to_rgb,
    noise,
    paint,
    speckle,
    stripes,
    turned_coordinates,
    wrinkle,
    zigzag,
)

SCENE_CLASSES = ("background", "striped", "dotted", "checked", "zigzag", "speckled")
PATTERNS = (stripes, dots, checks, zigzag, speckle)
# Neighbouring classes on the colour circle lie a fifth of a turn apart, so that their hues overlap.
HUE_DEVIATION = 0.05
# At 96 pixels: what an annotator needs to see of an object.
SMALLEST_OBJECT, OBJECT_DEPTH, LEAST_SHOWN = 100, 4.0, 0.35


@dataclass(frozen=True)
class Scene:
    """One picture (H×W×3 uint8), its classes (H×W uint8, 0 = background) and objects (H×W uint8, 0 = none)."""

    image: np.ndarray
    semantic: np.ndarray
    instance: np.ndarray


def draw_scene(rng: np.random.Generator, size: int) -> Scene:
    """Draw one to three classes, two to five objects of them, on clutter; `size` in pixels, at least 64."""
    canvas = draw_background(rng, size)
    instance = np.zeros((size, size), np.uint8)
    semantic = np.zeros((size, size), np.uint8)
    areas: dict[int, int] = {}
    for label in choose_classes(rng):
        mask = place_object(rng, size, instance, areas)
        if mask is None:
            continue
        areas[len(areas) + 1] = mask.sum()
        instance[mask], semantic[mask] = len(areas), label
        canvas = lay_over(canvas, draw_object(rng, size, label), mask)
    return Scene(take_picture(rng, canvas), semantic, instance)


def choose_classes(rng: np.random.Generator) -> np.ndarray:
    """The classes of a scene's objects, in the order of drawing."""
    classes = rng.choice(np.arange(1, len(SCENE_CLASSES)), rng.integers(1, 4), replace=False)
    repeats = rng.choice(classes, rng.integers(0, 3) + (len(classes) == 1))
    return rng.permutation(np.concatenate([classes, repeats]))


def place_object(
    rng: np.random.Generator, size: int, instance: np.ndarray, areas: dict[int, int], tries: int = 30
) -> np.ndarray | None:
    """A mask for one more object that leaves it and all others visible enough, or None where no try does.

    areas: whole area of each object drawn so far, by its id.
    """
    for _ in range(tries):
        centre, radius = rng.uniform(0.08, 0.92, 2) * size, rng.uniform(0.1, 0.24) * size
        mask = random_shape(rng, size, centre, radius)
        after = np.where(mask, len(areas) + 1, instance)
        whole = {**areas, len(areas) + 1: mask.sum()}
        if (after == 0).mean() > 0.35 and all(visible_enough(after == n, area) for n, area in whole.items()):
            return mask
    return None


def visible_enough(region: np.ndarray, area: int) -> bool:
    """Whether what shows of an object (H×W bool) of so many pixels is large, wide and whole enough to be annotated."""
    least = max(SMALLEST_OBJECT * (len(region) / 96) ** 2, LEAST_SHOWN * area)
    return region.sum() >= least and depth(region).max() >= OBJECT_DEPTH


def draw_object(rng: np.random.Generator, size: int, label: int) -> np.ndarray:
    """A whole picture in the look of a class: two tones of a hue, in the class's pattern, with shading."""
    hue = (label - 1) / len(PATTERNS) + HUE_DEVIATION * rng.standard_normal()
    saturation, value = rng.uniform(0.4, 0.9), rng.uniform(0.5, 0.95)
    first = hsv_to_rgb(hue, saturation, value)
    second = hsv_to_rgb(
        hue + rng.uniform(-0.04, 0.04), saturation * rng.uniform(0.6, 1.1), value * rng.uniform(0.55, 0.85)
    )
    x, y = turned_coordinates(size, rng.uniform(0, np.pi), rng.uniform(0, size, 2))
    x, y = x + wrinkle(rng, size, 0.015 * size), y + wrinkle(rng, size, 0.015 * size)
    pattern = PATTERNS[label - 1](rng, x, y, rng.uniform(0.05, 0.09) * size)
    return shade(rng, paint(pattern, first, second))


def shade(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Light a picture from a random side, with a little unevenness."""
    size = len(picture)
    across, _ = turned_coordinates(size, rng.uniform(0, 2 * np.pi), (size / 2, size / 2))
    light = 1 + rng.uniform(0, 0.25) * across / (size / 2) + 0.04 * noise(rng, size, size / 8)
    return np.clip(picture * light[..., None], 0, 1)


def draw_background(rng: np.random.Generator, size: int, most_saturated: float = 0.4) -> np.ndarray:
    """Two or three grounds of muted colours in coarse noise, with scraps of any colour strewn over them."""
    canvas = draw_ground(rng, size, most_saturated)
    for _ in range(rng.integers(1, 3)):
        line = noise(rng, size, size / 3) + rng.uniform(-0.7, 0.7)
        canvas = lay_over(canvas, draw_ground(rng, size, most_saturated), line > 0.3)
    for _ in range(rng.integers(4, 12)):
        centre, radius = rng.uniform(0, size, 2), rng.uniform(0.02, 0.07) * size
        first, second = random_colour(rng, 0.05, 0.9), random_colour(rng, 0.05, 0.9)
        scrap = shade(rng, paint(0.5 * noise(rng, size, size / 6), first, second))
        canvas = lay_over(canvas, scrap, random_shape(rng, size, centre, radius))
    return canvas


def draw_ground(rng: np.random.Generator, size: int, most_saturated: float) -> np.ndarray:
    """A whole picture of cloudy ground between two muted colours."""
    first, second = random_colour(rng, 0.05, most_saturated), random_colour(rng, 0.05, most_saturated)
    second = 0.6 * first + 0.4 * second
    return shade(rng, paint(0.7 * fractal_noise(rng, size, rng.uniform(0.1, 0.4) * size), first, second))


def random_colour(rng: np.random.Generator, least_saturated: float, most_saturated: float) -> np.ndarray:
    """A colour of any hue, RGB in [0, 1]."""
    return hsv_to_rgb(rng.uniform(), rng.uniform(least_saturated, most_saturated), rng.uniform(0.3, 0.9))


def lay_over(canvas: np.ndarray, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put a picture over the canvas where the mask is, with a soft rim as a lens would give."""
    cover = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.6)[..., None]
    return canvas + cover * (picture - canvas)


def take_picture(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Expose a canvas in [0, 1]: tint, brightness and grain of a camera; H×W×3 uint8."""
    tint = rng.uniform(0.85, 1.1) * rng.uniform(0.92, 1.08, 3)
    grain = 0.02 * rng.standard_normal(canvas.shape)
    return np.clip(255 * (canvas * tint + grain), 0, 255).round().astype(np.uint8)
