"""Where results go: SAVE_DIR/semantic_gray/ID.png and beside it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spml.data.files import write_arrays, write_image
from spml.data.labels import VOID
from spml.data.transforms import resize_image, resize_label
from spml.inference.crf import dense_crf
from spml.visualize import colorize

MASKS = ("semantic_gray/{}.png", "semantic_color/{}.png")
PROTOTYPES = ("semantic_prototype/{}.npz",)
CLUSTERS = ("semantic_cluster/{}.png", "semantic_cluster_color/{}.png")


def resize_pixels(image, size):
    """An 8-bit image at `size`, resized in floating point and truncated."""
    return image if image.shape[:2] == tuple(size) else resize_image(image.astype(np.float32), size).astype(np.uint8)


@dataclass(frozen=True)
class Outputs:
    """The results of a run. save_dir: their folder; palette: 256×3 uint8; crf: CRFParameters, or None for no CRF."""

    save_dir: Path
    palette: np.ndarray
    crf: object = None

    def exist(self, name, kinds):
        """Whether all results of an image are there."""
        return all((self.save_dir / kind.format(name)).is_file() for kind in kinds)

    def write_mask(self, name, mask):
        """Write a mask of class ids, H×W uint8, in grey and in colour."""
        self._write_pictures(MASKS, name, mask, mask)

    def write_prototypes(self, name, prototype, label):
        """Write segment prototypes [S, C] with their labels [S]."""
        path = self.save_dir / PROTOTYPES[0].format(name)
        write_arrays(path, prototype=prototype.astype(np.float32), prototype_label=label.astype(np.int64))

    def write_clusters(self, name, segment):
        """Write segment ids H×W in grey, with 16 bits where 8 do not do, and in colour."""
        grey = segment.astype(np.uint8 if segment.max() < 256 else np.uint16)
        self._write_pictures(CLUSTERS, name, grey, (segment % 256).astype(np.uint8))

    def _write_pictures(self, kinds, name, grey, coloured):
        write_image(self.save_dir / kinds[0].format(name), grey)
        write_image(self.save_dir / kinds[1].format(name), colorize(coloured, self.palette))

    def finish_mask(self, name, image, values, void=None):
        """From what the network says to a mask on disk.

        image: uint8 [H, W, 3]; values: scores float [K, h, w], to be refined by the CRF at their own resolution, or a
        mask uint8 [h, w]; void: [H, W] bool, pixels that become void, or None.
        """
        if values.ndim == 3:
            values = dense_crf(resize_pixels(image, values.shape[1:]), values, self.crf).argmax(0).astype(np.uint8)
        mask = resize_label(values, image.shape[:2])
        if void is not None:
            mask[void] = VOID
        self.write_mask(name, mask)
