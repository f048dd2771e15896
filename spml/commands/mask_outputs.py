"""Where results go: SAVE_DIR/semantic_gray/ID.png and beside it. Without torch, for the CRF's processes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spml.data.files import write_image
from spml.data.labels import VOID
from spml.data.transforms import resize_label
from spml.inference.crf import refine_scores
from spml.inference.crf_settings import CRFParameters
from spml.visualize import colorize

MASKS = ("semantic_gray/{}.png", "semantic_color/{}.png")
PROTOTYPES = ("semantic_prototype/{}.npz",)
CLUSTERS = ("semantic_cluster/{}.png", "semantic_cluster_color/{}.png")
CAMS = ("{}.npy",)


@dataclass(frozen=True)
class MaskOutputs:
    """The results of a run.

    save_dir: their folder; palette: 256×3 uint8; crf: what refines scores, or None; unrefined: the folder of the masks
    as they are without it, or None.
    """

    save_dir: Path
    palette: np.ndarray
    crf: CRFParameters | None = None
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

    def finish_mask(self, name: str, image: np.ndarray, values: np.ndarray, void: np.ndarray | None = None) -> None:
        """From what the network says to a mask on disk.

        image: uint8 [H, W, 3]; values: scores float [K, h, w], to be refined by the CRF at their own resolution, or a
        mask uint8 [h, w], which stays as it is; void: [H, W] bool, pixels that become void, or None.
        """
        if self.unrefined is not None:
            self._finish(self.unrefined, name, image, values, void)
        if self.crf is not None and values.ndim == 3:
            values = refine_scores(image, values, self.crf)
        self._finish(self.save_dir, name, image, values, void)

    def _finish(self, folder: Path, name: str, image: np.ndarray, values: np.ndarray, void: np.ndarray | None) -> None:
        mask = values.argmax(0).astype(np.uint8) if values.ndim == 3 else values
        mask = resize_label(mask, image.shape[:2])
        if void is not None:
            mask[void] = VOID
        self._write_pictures(folder, MASKS, name, mask, mask)
