"""Fetching VOC 2012 and SBD through torchvision into the layout of the data root."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from spml.errors import UserError

VOC_PARTS = ("Annotations", "ImageSets", "JPEGImages", "SegmentationClass")
SBD_PARTS = ("cls", "train.txt", "val.txt")


def download_voc(data_dir: str | Path) -> None:
    """Fetch VOC 2012 (images, colour masks, boxes, splits) to DATA_DIR/VOC2012, unless all of these are there.

    What is there is left as it is; an archive that was fetched before is not fetched again. Raises UserError where the
    download fails. The test images need a registration at the VOC server: not fetched here.
    """
    target = Path(data_dir) / "VOC2012"
    if _complete(target, VOC_PARTS):
        return
    from torchvision.datasets import VOCSegmentation

    _fetch("VOC 2012", lambda: VOCSegmentation(str(data_dir), year="2012", image_set="train", download=True))
    _move_missing(Path(data_dir) / "VOCdevkit" / "VOC2012", target)


def download_sbd(data_dir: str | Path) -> None:
    """Fetch SBD (masks and splits) to DATA_DIR/sbd/dataset, unless all of these are there.

    What is there is left as it is; an archive that was fetched before is not fetched again. Raises UserError where the
    download fails.
    """
    target = Path(data_dir) / "sbd" / "dataset"
    if _complete(target, SBD_PARTS):
        return
    from torchvision.datasets import SBDataset

    fetched = Path(data_dir) / "sbd" / "download"
    # What an interrupted unpacking left would be in torchvision's way.
    for name in ("cls", "img", "inst", "benchmark_RELEASE"):
        shutil.rmtree(fetched / name, ignore_errors=True)
    for name in ("train.txt", "val.txt"):
        (fetched / name).unlink(missing_ok=True)
    _fetch("SBD", lambda: SBDataset(str(fetched), image_set="train", mode="segmentation", download=True))
    _move_missing(fetched, target)


def _complete(folder: Path, parts: tuple[str, ...]) -> bool:
    return all((folder / part).exists() for part in parts)


def _fetch(name: str, download: Callable[[], object]) -> None:
    try:
        download()
    # URLError, a wrong checksum, a full disk: all the same to the user.
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"--download: {name} could not be fetched ({error}); put it into --data_dir by hand, without --download"
        ) from None


def _move_missing(source: Path, target: Path) -> None:
    """Move what `target` lacks; each part appears there whole, also where it must be copied to another disk."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in source.iterdir():
            if not (target / path.name).exists():
                _move(path, target)
    except OSError as error:
        raise UserError(f"--download: {target}: cannot be filled from {source} ({error})") from None


def _move(path: Path, folder: Path) -> None:
    partial = folder / f".{path.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.move(path, partial)
    os.replace(partial, folder / path.name)
