"""Large images in tiles: each is looked at with a margin around it, and its core alone is kept."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from spml.inference.windows import Size

Place = tuple[slice, slice]  # rows and columns of an image

MAX_WHOLE_PIXELS = 1 << 20  # images of no more are not cut
TILE_SIDE = 1024  # at most, margins included, unless `test.crop_size` is larger
LOOK_MARGIN = 96


@dataclass(frozen=True)
class Tile:
    """window: what is looked at; core: what is kept of it; both are places of the image."""

    window: Place
    core: Place

    @property
    def inner(self) -> Place:
        """The core as a place of the window."""
        rows, columns = (_moved(core, window.start) for core, window in zip(self.core, self.window, strict=True))
        return rows, columns


EVERYWHERE = Tile((slice(None), slice(None)), (slice(None), slice(None)))  # the whole of any image


def _moved(core: slice, by: int | None) -> slice:
    return slice(core.start - by, core.stop - by) if by is not None else core


def cut_tiles(size: Size, crop: Size) -> list[Tile]:
    """Tiles whose cores cover an image of `size` once; one tile where it has MAX_WHOLE_PIXELS or fewer.

    crop: the windows in which networks see a tile, which are never cut.
    """
    if size[0] * size[1] <= MAX_WHOLE_PIXELS:
        sides = [_cuts(length, length) for length in size]
    else:
        sides = [_cuts(length, max(TILE_SIDE, window)) for length, window in zip(size, crop, strict=True)]
    rows, columns = sides
    return [Tile((row[0], column[0]), (row[1], column[1])) for row in rows for column in columns]


def _cuts(length: int, side: int) -> list[tuple[slice, slice]]:
    """Window and core of each piece of an axis, cores as even as can be."""
    count = 1 if length <= side else ceil(length / (side - 2 * LOOK_MARGIN))
    ends = np.linspace(0, length, count + 1).astype(int).tolist()
    return [
        (slice(max(0, start - LOOK_MARGIN), min(length, stop + LOOK_MARGIN)), slice(start, stop))
        for start, stop in zip(ends[:-1], ends[1:], strict=True)
    ]
