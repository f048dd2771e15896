"""Pure paired image/label geometry and colour: images H×W×3 float32 in [0, 1], label maps H×W uint8."""

from collections.abc import Sequence

import cv2
import numpy as np

from spml.data.labels import VOID

cv2.setNumThreads(0)

GREY_WEIGHTS = np.array([0.3, 0.59, 0.11], np.float32)
BLUR_RADIUS = 2


def normalise(image: np.ndarray, means: Sequence[float], stds: Sequence[float]) -> np.ndarray:
    """Minus mean, divided by standard deviation, per channel."""
    return (image - np.asarray(means, np.float32)) / np.asarray(stds, np.float32)


def resize_image(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Bilinear resize to `size` (height, width)."""
    return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)


def resize_label(label: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Nearest resize to `size` (height, width)."""
    return cv2.resize(label, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)


def shrink_image(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """An image brought to a smaller `size` (height, width), each pixel the mean of those it stands for."""
    return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def shrink_weak_label(label: np.ndarray, size: Sequence[int], num_classes: int) -> np.ndarray:
    """Nearest resize of a weak label map to a smaller `size` that loses no thin stroke.

    A pixel that the nearest leaves unlabelled takes a class of those it stands for.
    """
    small = resize_label(label, size)
    to_row, to_column = (np.arange(have) * want // have for have, want in zip(label.shape, size, strict=True))
    free = (small >= num_classes) & (small < VOID)
    rows, columns = np.nonzero(free[to_row][:, to_column] & (label < num_classes))
    small[to_row[rows], to_column[columns]] = label[rows, columns]
    return small


def scaled_size(size: Sequence[int], ratio: float) -> tuple[int, int]:
    """int(ratio · size) for height and width, at least one pixel."""
    return max(1, int(ratio * size[0])), max(1, int(ratio * size[1]))


def longest_side_size(size: Sequence[int], longest: int) -> tuple[int, int]:
    """Height and width scaled so that the longer is `longest` (0: unchanged): int(min(S/h, S/w) · size)."""
    if not longest:
        return size[0], size[1]
    return scaled_size(size, min(longest / size[0], longest / size[1]))


def size_within(size: Sequence[int], most: int) -> tuple[int, int]:
    """Height and width, scaled down where the longer is above `most` (0: unchanged) so that it is `most`."""
    return longest_side_size(size, most if max(size) > most else 0)


def mirror(array: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return np.ascontiguousarray(array[:, ::-1])


def mirror_semantic(label: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """A mirrored label map in which class i becomes classes[i] (an empty list: no change)."""
    table = np.arange(256, dtype=np.uint8)
    table[: len(classes)] = classes
    return table[mirror(label)]


def mirror_tags(tags: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """The tag set [K] of a mirrored image: class i becomes classes[i] (an empty list: no change)."""
    out = tags.copy()
    out[list(classes)] = tags[: len(classes)]
    return out


def pad_to(array: np.ndarray, size: Sequence[int], value: float | Sequence[float]) -> np.ndarray:
    """Pad at the right and bottom up to `size` (height, width) where smaller."""
    bottom, right = (max(0, want - have) for want, have in zip(size, array.shape[:2], strict=True))
    if not bottom and not right:
        return array
    out = np.empty((array.shape[0] + bottom, array.shape[1] + right, *array.shape[2:]), array.dtype)
    out[:] = np.asarray(value, array.dtype)
    out[: array.shape[0], : array.shape[1]] = array
    return out


def grey(image: np.ndarray) -> np.ndarray:
    """All three channels replaced by the grey value."""
    return np.repeat((image @ GREY_WEIGHTS)[..., None], 3, -1)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by the 5×5 kernel exp(−(x² + y²)/σ²), normalised to sum 1, with reflected borders."""
    offset = np.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, dtype=np.float64)
    kernel = np.exp(-(offset[:, None] ** 2 + offset**2) / sigma**2)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
