"""Colours and textures of the toy pictures."""

import cv2
import numpy as np
from numpy.typing import ArrayLike


def hsv_to_rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB in [0, 1] of a colour; hue in turns, the others in [0, 1]."""
    sector = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    return value * (1 - saturation * np.clip(np.minimum(sector, 4 - sector), 0, 1))


def noise(rng: np.random.Generator, size: int, period: float) -> np.ndarray:
    """Smooth noise, size×size, of mean 0 and standard deviation about 1; `period` in pixels."""
    cells = int(np.ceil(size / period)) + 2
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    large = cv2.resize(grid, None, fx=period, fy=period, interpolation=cv2.INTER_CUBIC)
    y, x = (rng.integers(0, large.shape[0] - size + 1) for _ in range(2))
    return large[y : y + size, x : x + size] * 1.3


def fractal_noise(rng: np.random.Generator, size: int, period: float) -> np.ndarray:
    """Noise of three octaves from `period` pixels down, size×size, standard deviation about 1."""
    return sum(noise(rng, size, max(period / 2**octave, 1.5)) / 2**octave for octave in range(3)) / 1.15


def turned_coordinates(size: int, angle: float, centre: ArrayLike = (0.0, 0.0)) -> tuple[np.ndarray, np.ndarray]:
    """x and y in pixels, size×size each, about `centre` (y, x) and turned by `angle` radians."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    middle_y, middle_x = np.asarray(centre)
    y, x = y - middle_y, x - middle_x
    return np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x


def stripes(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, period: float) -> np.ndarray:
    """Straight stripes, about -1..1."""
    return np.tanh(2 * np.sin(2 * np.pi * x / period))


def dots(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, period: float) -> np.ndarray:
    """A square lattice of round dots, about -1..1."""
    return np.tanh(3 * (np.cos(2 * np.pi * x / period) + np.cos(2 * np.pi * y / period) - 0.7))


def checks(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, period: float) -> np.ndarray:
    """A chequerboard, about -1..1."""
    return np.tanh(4 * np.sin(np.pi * x / period) * np.sin(np.pi * y / period))


def zigzag(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, period: float) -> np.ndarray:
    """Stripes that turn back and forth, about -1..1."""
    bend = np.abs((y / (2 * period)) % 1 - 0.5) * 2 * period
    return np.tanh(2 * np.sin(2 * np.pi * (x + bend) / period))


def speckle(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, period: float) -> np.ndarray:
    """Fine grain without direction, about -1..1."""
    return np.tanh(1.5 * noise(rng, len(x), max(period / 3, 1.5)))


def wrinkle(rng: np.random.Generator, size: int, amount: float) -> np.ndarray:
    """A smooth displacement of so many pixels that keeps a pattern from being the same everywhere."""
    return amount * noise(rng, size, size / 4)


def paint(pattern: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mix two colours by a pattern of about -1..1: H×W×3 in [0, 1]."""
    share = np.clip(0.5 + 0.5 * pattern, 0, 1)[..., None]
    return np.clip(share * first + (1 - share) * second, 0, 1)
