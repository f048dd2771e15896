"""Large images in tiles: each is looked at with a margin around it, and its core alone is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import torch

from spml.data.transforms import scaled_size
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
        rows, columns = (
            slice(core.start - window.start, core.stop - window.start)
            for core, window in zip(self.core, self.window, strict=True)
        )
        return rows, columns

    def scaled(self, size: Size, to: Size) -> "Tile":
        """The tile of an image of `size` in one of size `to`."""
        window, core = (
            tuple(_scaled(side, have, want) for side, have, want in zip(place, size, to, strict=True))
            for place in (self.window, self.core)
        )
        return Tile((window[0], window[1]), (core[0], core[1]))


def _scaled(side: slice, have: int, want: int) -> slice:
    start, stop = (round(end * want / have) for end in (side.start, side.stop))
    return slice(start, stop)


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


def size_in_one(size: Size) -> Size:
    """The size of an image that is not cut; of a larger one that of its shape with MAX_WHOLE_PIXELS."""
    pixels = size[0] * size[1]
    return size if pixels <= MAX_WHOLE_PIXELS else scaled_size(size, sqrt(MAX_WHOLE_PIXELS / pixels))


def put_together(
    tiles: list[Tile], size: Size, to: Size, values_of: Callable[[Place, Size], torch.Tensor]
) -> torch.Tensor:
    """Values [..., to] of an image of `size` from those of its tiles.

    values_of: (place of the image, height and width h, w) → values of that place [..., h, w].
    """
    if len(tiles) == 1:
        return values_of(tiles[0].window, to)
    joined = torch.empty(0)
    for tile in tiles:
        small = tile.scaled(size, to)
        rows, columns = small.window
        values = values_of(tile.window, (rows.stop - rows.start, columns.stop - columns.start))
        if not joined.numel():
            joined = values.new_zeros(*values.shape[:-2], *to)
        joined[..., small.core[0], small.core[1]] = values[..., small.inner[0], small.inner[1]]
    return joined
