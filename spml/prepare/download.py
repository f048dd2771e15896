"""Fetching VOC 2012 and SBD through torchvision into the layout of the data root."""

import shutil
from pathlib import Path

from spml.errors import UserError


def download_voc(data_dir):
    """Fetch VOC 2012 (images, colour masks, boxes, splits) to DATA_DIR/VOC2012, unless its masks are there.

    Raises UserError where the download fails. The test images need a registration at the VOC server: not fetched here.
    """
    target = Path(data_dir) / "VOC2012"
    if (target / "SegmentationClass").is_dir():
        return
    from torchvision.datasets import VOCSegmentation

    _fetch("VOC 2012", lambda: VOCSegmentation(str(data_dir), year="2012", image_set="train", download=True))
    _move_missing(Path(data_dir) / "VOCdevkit" / "VOC2012", target)


def download_sbd(data_dir):
    """Fetch SBD (masks and splits) to DATA_DIR/sbd/dataset, unless its masks are there.

    Raises UserError where the download fails.
    """
    target = Path(data_dir) / "sbd" / "dataset"
    if (target / "cls").is_dir():
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


def _fetch(name, download):
    try:
        download()
    # URLError, a wrong checksum, a full disk: all the same to the user.
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"--download: {name} could not be fetched ({error}); put it into --data_dir by hand, without --download"
        ) from None


def _move_missing(source, target):
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if not (target / path.name).exists():
            shutil.move(path, target / path.name)
