"""The pictures that a user points at: image files, folders of them, and every n-th frame of videos."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from spml.data.files import find_images, read_image, warn_of_images_below, write_image
from spml.errors import UserError

logger = logging.getLogger(__name__)

VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")


@dataclass(frozen=True)
class GivenPicture:
    """name: what its results are called; path: its file; pixels: uint8 [H, W, 3], RGB, upright."""

    name: str
    path: Path
    pixels: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """A file that could not be read; reason: the line that says why."""

    path: Path
    reason: str


def find_inputs(paths: Sequence[str | Path]) -> list[Path]:
    """The image and video files that paths name; of a folder all its images.

    Those in a folder's sub-folders are not among them, which a warning says. Raises UserError where one is not there, a
    folder holds no image, or two files share a stem, by which results are named, or one has that of a video's frame.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not os.path.exists(path):
            raise UserError(f"{path}: no such image, folder or video")
        found += find_images(path, "images in") if path.is_dir() else [path]
        warn_of_images_below(path)
    first: dict[str, Path] = {}
    for path in found:
        if first.setdefault(path.stem, path) != path:
            raise UserError(f"{first[path.stem]} and {path} would share the name {path.stem}")
    for video in found:
        for path in found if video.suffix.lower() in VIDEO_ENDINGS else []:
            if re.fullmatch(re.escape(video.stem) + r"-\d{6,}", path.stem):
                raise UserError(f"{path} and a frame of {video} could share the name {path.stem}")
    return list(dict.fromkeys(found))


def given_pictures(
    paths: Sequence[Path], every: int, frame_dir: Path, max_pixels: int
) -> Iterator[GivenPicture | LeftOut]:
    """The pictures of image and video files, read when they are asked for; a broken file is one that is left out.

    every: 1: all frames of a video, 2: every second one, ...; they are written to `frame_dir`; max_pixels: images of
    more are left out.
    """
    for path in paths:
        try:
            if path.suffix.lower() in VIDEO_ENDINGS:
                yield from _frames(path, every, frame_dir)
            else:
                yield GivenPicture(path.stem, path, read_image(path, max_pixels))
        except UserError as error:
            yield LeftOut(path, str(error))


def _frames(path: Path, every: int, frame_dir: Path) -> Iterator[GivenPicture]:
    """Every n-th frame, upright; raises UserError where there is none that can be read."""
    video = cv2.VideoCapture(str(path))
    number, promised = 0, int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    try:
        while video.grab():
            if number % every == 0:
                whole, frame = video.retrieve()
                if not whole:
                    break
                pixels = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                name = f"{path.stem}-{number:06d}"
                write_image(frame_dir / f"{name}.jpg", pixels)
                yield GivenPicture(name, frame_dir / f"{name}.jpg", pixels)
            number += 1
    finally:
        video.release()
    if number == 0:
        raise UserError(f"{path}: not a readable video")
    if number < promised:
        logger.warning("%s: ends after %d of %d frames", path, number, promised)


def count_pictures(paths: Sequence[Path], every: int) -> int:
    """How many pictures image and video files promise; a video may break its promise."""
    count = 0
    for path in paths:
        frames = 1
        if path.suffix.lower() in VIDEO_ENDINGS:
            video = cv2.VideoCapture(str(path))
            frames = -(-max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT))) // every)
            video.release()
        count += frames
    return count
