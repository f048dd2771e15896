"""Where results go: SAVE_DIR/semantic_gray/ID.png and beside it. Without torch, for the CRF's processes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spml.data.files import write_image
from spml.data.labels import UNLABELLED, VOID
from spml.data.transforms import resize_label
from spml.inference.crf import refine_scores
from spml.inference.crf_settings import CRFParameters
from spml.visualize import colorize

if TYPE_CHECKING:
    from spml.inference.tiles import Tile

MASKS = ("semantic_gray/{}.png", "semantic_color/{}.png")
PROTOTYPES = ("semantic_prototype/{}.npz",)
CLUSTERS = ("semantic_cluster/{}.png", "semantic_cluster_color/{}.png")
CAMS = ("{}.npy",)


@dataclass(frozen=True)
class MaskOutputs:
    """The results of a run.

    save_dir: their folder; palette: 256×3 uint8; crf: what refines scores, or None; background: whether the data set
    has one, without which pixels of no score stay unlabelled; unrefined: the folder of the masks without the CRF, or
    None.
    """

    save_dir: Path
    palette: np.ndarray
    crf: CRFParameters | None = None
    background: bool = True
    unrefined: Path | None = None

    def write_mask(self, name: str, mask: np.ndarray) -> None:
        """Write a mask of class ids, H×W uint8, in grey and in colour."""
        self._write_pictures(self.save_dir, MASKS, name, mask, mask)

    def write_clusters(self, name: str, segment: np.ndarray) -> None:
        """Write segment ids H×W in grey, with 16 bits where 8 do not do, and in colour."""
        grey = segment.astype(np.uint8 if segment.max() < 256 else np.uint16)
        self._write_pictures(self.save_dir, CLUSTERS, name, grey, (segment % 256).astype(np.uint8))

    def _write_pictures(
        self, folder: Path, kinds: tuple[str, ...], name: str, grey: np.ndarray, coloured: np.ndarray
    ) -> None:
        write_image(folder / kinds[0].format(name), grey)
        write_image(folder / kinds[1].format(name), colorize(coloured, self.palette))

    @property
    def folders(self) -> list[Path]:
        """Where masks go: those before the CRF, where they are wanted, and those of the run."""
        return [self.save_dir] if self.unrefined is None else [self.unrefined, self.save_dir]

    def classes(self, pixels: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The classes of an image in each of the M folders: uint8 [M, h, w].

        pixels: uint8 [H, W, 3]; values: scores [K, h, w], or classes, which stay as they are.
        """
        if values.ndim < 3:
            return np.stack([values] * len(self.folders))
        refined = values if self.crf is None else refine_scores(pixels, values, self.crf)
        scores = [refined] if self.unrefined is None else [values, refined]
        masks = np.stack([each.argmax(0).astype(np.uint8) for each in scores])
        if not self.background:
            masks[:, values.max(0) <= 0] = UNLABELLED
        return masks

    def finish_mask(
        self,
        name: str,
        image: np.ndarray,
        values: np.ndarray,
        void: np.ndarray | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        """From what the network says to a mask on disk.

        image: uint8 [H, W, 3]; values: scores float [K, h, w], to be refined by the CRF at their own resolution, or a
        mask uint8 [h, w], which stays as it is; size: height and width of the mask, None: the image's; void: bool of
        that size, pixels that become void, or None.
        """
        self.write_masks(name, self.classes(image, values), size or image.shape[:2], void)

    def write_masks(self, name: str, masks: np.ndarray, size: tuple[int, int], void: np.ndarray | None = None) -> None:
        """Write the masks [M, h, w] of the M folders at `size`; void: bool of that size, pixels that become void."""
        for folder, classes in zip(self.folders, masks, strict=True):
            mask = resize_label(classes, size)
            if void is not None:
                mask[void] = VOID
            self._write_pictures(folder, MASKS, name, mask, mask)


class TiledMasks:
    """Masks of a large image, put together from its tiles in whatever order they come.

    shape: (M, height, width) of M masks; finish: called with them once all is there.
    """

    def __init__(self, shape: tuple[int, int, int], finish: Callable[[np.ndarray], None]) -> None:
        self._masks, self._left, self._finish = np.empty(shape, np.uint8), shape[1] * shape[2], finish

    def add(self, tile: "Tile", classes: np.ndarray) -> None:
        """Fill in the core of a tile from the classes [M, h, w] of its window."""
        core = classes[:, tile.inner[0], tile.inner[1]]
        self._masks[:, tile.core[0], tile.core[1]] = core
        self._left -= core[0].size
        if not self._left:
            self._finish(self._masks)
