"""Which images get seeds: those with a CAM or those of a list, beside labels that stand alone and images of no tag."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spml.commands.cam_folder import check_cam_background
from spml.data.cam_files import cam_path, read_cam
from spml.data.files import find_images, image_size, read_label
from spml.errors import UserError, few_of, first_of
from spml.prepare.convert import need_files
from spml.prepare.seed_rules import BOX_THRESHOLD, TAG_THRESHOLD

logger = logging.getLogger(__name__)

MOST_WITHOUT_CLASS = 1024  # bytes of a CAM file of no class, at most


@dataclass(frozen=True)
class SeedSettings:
    """How seeds are made.

    cam_dir: folder of the CAM files; class_names: by id; first: the first class that counts as a tag, 0 without a
    background; alpha: power of the background's score; tag_threshold, box_threshold: below these scores pixels stay
    unlabelled; box_dir: VOC XML files, or None; partial_boxes: whether images and classes without a box take tag seeds;
    region_dir: over-segmentations that scores are averaged over, or None; label_dir: label maps that win over seeds, or
    None; only_missing: whether seeds are left out of classes that an image's label shows; listed: the images that get
    seeds, or None for all that have a CAM; untagged: sizes (height, width) of the images whose CAM holds no class and
    that have no label.
    """

    cam_dir: Path
    class_names: tuple[str, ...]
    first: int = 1
    alpha: float = 6.0
    tag_threshold: float = TAG_THRESHOLD
    box_threshold: float = BOX_THRESHOLD
    box_dir: Path | None = None
    partial_boxes: bool = False
    region_dir: Path | None = None
    label_dir: Path | None = None
    only_missing: bool = False
    listed: frozenset[str] | None = None
    untagged: dict[str, tuple[int, int]] = field(default_factory=dict)


def images_to_seed(settings: SeedSettings, image_dir: Path | None) -> tuple[list[str], SeedSettings]:
    """The images whose seeds are written, and the settings with the sizes of those without a tag.

    image_dir: the photographs, which say these sizes, or None.
    """
    names = _all_cams(settings) if settings.listed is None else _listed_cams(settings)
    if settings.label_dir:
        names |= _labels_alone(names, settings)
    untagged = {name for name in names if _is_untagged(name, settings)}
    if untagged:
        settings = replace(settings, untagged=_sizes(untagged, image_dir))
        names -= untagged - {*settings.untagged}
    return sorted(names), settings


def _all_cams(settings: SeedSettings) -> set[str]:
    """The images that have a CAM."""
    check_cam_background(settings.cam_dir, settings.first)
    return {path.stem for path in need_files(settings.cam_dir, "*.npy", "--cam_dir")}


def _listed_cams(settings: SeedSettings) -> set[str]:
    """The listed images, if any; raises UserError where one has no CAM."""
    names = set(settings.listed or ())
    missing = sorted(name for name in names if not cam_path(settings.cam_dir, name).is_file())
    if missing:
        raise UserError(f"--cam_dir {settings.cam_dir}: no CAM of {first_of(missing)}, which --data_list names")
    if names:
        check_cam_background(settings.cam_dir, settings.first)
    return names


def given_label(name: str, settings: SeedSettings) -> np.ndarray | None:
    """The label map of an image, None where there is none."""
    path = settings.label_dir / f"{name}.png" if settings.label_dir else None
    return read_label(path) if path and path.is_file() else None


def _labels_alone(names: set[str], settings: SeedSettings) -> set[str]:
    """The images with a label that get no seeds.

    Raises UserError where one has boxes, whose seeds would be missing, unless the user chose so by a list.
    """
    assert settings.label_dir is not None
    listed = settings.listed is not None
    alone = {path.stem for path in need_files(settings.label_dir, "*.png", "--label_dir")} - names
    boxed = sorted(n for n in alone if settings.box_dir and (settings.box_dir / f"{n}.xml").is_file())
    if boxed and not listed:
        raise UserError(f"--cam_dir {settings.cam_dir}: no CAM of {first_of(boxed)}, which --box_dir has boxes of")
    if alone:
        logger.info("%d labels %s are copied as they are", len(alone), "not listed" if listed else "without a CAM")
    return alone


def _is_untagged(name: str, settings: SeedSettings) -> bool:
    """Whether a CAM file holds no class, and no label stands in for it; only small files are opened for that."""
    source = cam_path(settings.cam_dir, name)
    if not source.is_file() or source.stat().st_size > MOST_WITHOUT_CLASS or given_label(name, settings) is not None:
        return False
    return not read_cam(source, len(settings.class_names), first=settings.first)


def _sizes(untagged: set[str], image_dir: Path | None) -> dict[str, tuple[int, int]]:
    """Sizes (height, width) of the images without a tag, as far as they are known."""
    paths = {path.stem: path for path in find_images(image_dir, "--image_dir")} if image_dir else {}
    sizes = {name: image_size(paths[name]) for name in sorted(untagged & {*paths})}
    if sizes:
        logger.warning("%d images without a tag stay unlabelled: %s", len(sizes), few_of(sizes, 5))
    left_out = sorted(untagged - {*sizes})
    if left_out:
        where = "not in --image_dir" if image_dir else "--image_dir would say their size"
        logger.warning("%d images without a tag get no seeds (%s): %s", len(left_out), where, few_of(left_out, 5))
    return sizes
