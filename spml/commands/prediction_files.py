"""The files that are written for each predicted picture, and what a page shows of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spml.commands.mask_outputs import MaskOutputs
from spml.commands.pictures import GivenPicture
from spml.data.files import write_arrays, write_image, write_text
from spml.data.outlines import outlines
from spml.data.polygon_files import Traced, coco, labelme
from spml.data.transforms import resize_label
from spml.visualize import data_address, overlay, shrunk, with_legend

if TYPE_CHECKING:
    from spml.inference.predictions import Prediction

OVERLAY_SIDE = 1600  # at most: pictures to look at
THUMBNAIL_SIDE = 320


@dataclass(frozen=True)
class Polygons:
    """form: labelme, coco or none; tolerance: pixels by which borders may be simplified; min_pixels: the least area."""

    form: str
    tolerance: float
    min_pixels: int


@dataclass(frozen=True)
class Shown:
    """A predicted picture as a page shows it.

    classes: (class, share of the pixels), the largest first; unsure: mean of the entropy map, 0..1; pictures: (title,
    data address, file relative to the page).
    """

    name: str
    size: tuple[int, int]
    classes: list[tuple[int, float]]
    unsure: float
    pictures: list[tuple[str, str, str]]


class PredictionFiles:
    """Writes predictions below a folder; names: of the classes by their ids; palette: 256×3 uint8."""

    def __init__(self, save_dir: Path, names: list[str], palette: np.ndarray, polygons: Polygons) -> None:
        self.save_dir, self.names, self.palette, self.polygons = save_dir, names, palette, polygons
        self.traced: list[Traced] = []

    def write(self, picture: GivenPicture, prediction: "Prediction") -> Shown:
        """Write mask, maps, overlay, polygons and scores of a picture."""
        name = picture.name
        MaskOutputs(self.save_dir, self.palette).write_mask(name, prediction.mask)
        maps = {"uncertainty": prediction.entropy, "disagreement": prediction.disagreement}
        present = {title: values for title, values in maps.items() if values is not None}
        for title, values in present.items():
            write_image(self.save_dir / title / f"{name}.png", values)
        classes = _shares(prediction.mask)
        shown = self._overlay(picture, prediction.mask, OVERLAY_SIDE)
        legend = [(self.names[number], self.palette[number]) for number, _ in classes]
        write_image(self.save_dir / "overlay" / f"{name}.jpg", with_legend(shown, legend))
        if prediction.scores is not None:
            write_arrays(self.save_dir / "scores" / f"{name}.npz", compress=True, scores=prediction.scores)
        self._write_polygons(picture, prediction.mask)
        small = [("overlay", data_address(shrunk(shown, THUMBNAIL_SIDE)), f"overlay/{name}.jpg")]
        for title, values in present.items():
            small.append((title, data_address(shrunk(values, THUMBNAIL_SIDE)), f"{title}/{name}.png"))
        return Shown(name, prediction.size, classes, float(prediction.entropy.mean()) / 255, small)

    def _overlay(self, picture: GivenPicture, mask: np.ndarray, longest: int) -> np.ndarray:
        image = shrunk(picture.pixels, longest)
        return overlay(image, resize_label(mask, image.shape[:2]), self.palette)

    def _write_polygons(self, picture: GivenPicture, mask: np.ndarray) -> None:
        if self.polygons.form == "none":
            return
        height, width = mask.shape
        found = outlines(mask, self.polygons.tolerance, self.polygons.min_pixels)
        traced = Traced(picture.path, (height, width), found)
        if self.polygons.form == "coco":
            self.traced.append(traced)
        else:
            folder = self.save_dir / "polygons"
            content = json.dumps(labelme(traced, dict(enumerate(self.names)), folder), indent=1)
            write_text(folder / f"{picture.name}.json", content)

    def finish(self) -> None:
        """Write what holds all pictures: the polygons in COCO's form."""
        if self.traced:
            content = json.dumps(coco(self.traced, dict(enumerate(self.names))))
            write_text(self.save_dir / "polygons" / "annotations.json", content)


def _shares(mask: np.ndarray) -> list[tuple[int, float]]:
    counts = np.bincount(mask.ravel())
    order = np.argsort(-counts, kind="stable")
    return [(int(number), float(counts[number] / mask.size)) for number in order if counts[number]]
