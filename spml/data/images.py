"""Images and label maps on disk, which may be broken or hostile: only the formats that are meant, none too large."""

import io
import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from spml.data.paths import atomic_path, need_dir, visible_files
from spml.errors import UserError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")
LABEL_FORMATS = ("PNG", "BMP", "TIFF", "GIF")
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
MAX_SIDE = 10_000  # that a file of annotations may state: a larger one would only exhaust the memory
MAX_PIXELS = 100_000_000  # the default of `dataset.max_pixels`: 300 MB of RGB

_PIL_LIMIT = Lock()  # PIL's own limit is a global of its module
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image as H×W×3 RGB uint8, upright by its EXIF orientation; of a GIF the first frame.

    16-bit grey becomes 8-bit, CMYK becomes RGB, transparent pixels are laid over white. Raises UserError where the
    file is missing, broken, none of IMAGE_FORMATS, or of more than `max_pixels`.
    """
    return _open_image(path, IMAGE_FORMATS, lambda image: np.array(_as_rgb(_upright(image))), max_pixels)


def image_size(path: str | Path) -> tuple[int, int]:
    """Height and width of an image as `read_image` gives it, mostly without decoding it; raises UserError likewise."""
    return _open_image(path, IMAGE_FORMATS, _upright_size)


def read_label(path: str | Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a label map, grey of 1 to 16 bits or of palette colours, as H×W uint8: the numbers that the file holds.

    Label maps have no EXIF: one that belongs to a rotated photograph is of the size of the upright image. Raises
    UserError where it is missing, broken, none of LABEL_FORMATS, in colour without a palette, beyond 255, or of more
    than `max_pixels`.
    """
    mode, label = _open_image(path, LABEL_FORMATS, _numbers, max_pixels)
    if mode not in ("L", "1", "I", "I;16", "P"):
        raise UserError(
            f"{path}: a label map must be an 8-bit grey or palette image of class ids, this one has mode {mode}; "
            "convert colour masks with pyscripts/data/voc_masks.py"
        )
    if label.min() < 0 or label.max() > 255:
        raise UserError(f"{path}: holds values beyond 0..255; a label map is 8-bit, of at most 255 classes or regions")
    return label.astype(np.uint8)


def read_colours(path: str | Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a label map in colours as H×W×3 RGB uint8: as the file holds them, those of transparent pixels too.

    Raises UserError where it is missing, broken, none of LABEL_FORMATS, or of more than `max_pixels`.
    """
    return _open_image(path, LABEL_FORMATS, lambda image: np.array(image.convert("RGBA"))[..., :3], max_pixels)


def write_image(path: str | Path, pixels: np.ndarray, palette: np.ndarray | None = None, **encoding: Any) -> None:
    """Write uint8 pixels (H×W or H×W×3) atomically; with `palette` (256×3 uint8) as an indexed-colour PNG.

    encoding: what PIL is told of the format, such as the quality of a JPEG.

    Raises UserError where the name ends in none of IMAGE_ENDINGS, or the file cannot be written.
    """
    if Path(path).suffix.lower() not in IMAGE_ENDINGS:
        raise UserError(f"{path}: cannot be written; expected a name that ends in {', '.join(IMAGE_ENDINGS)}")
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if palette is not None:
        image.putpalette(np.asarray(palette, np.uint8).tobytes())
    content = io.BytesIO()  # since Pillow is silent of a full disk while it writes a JPEG
    image.save(content, Image.registered_extensions()[Path(path).suffix.lower()], **encoding)
    with atomic_path(path) as partial:
        partial.write_bytes(content.getvalue())


def find_images(folder: str | Path, flag: str) -> list[Path]:
    """The image files of a folder, sorted.

    Raises UserError naming `flag` where the folder is missing, holds none, or holds two that share a stem, by which
    results are named.
    """
    paths = [path for path in visible_files(need_dir(folder, flag)) if path.suffix.lower() in IMAGE_ENDINGS]
    if not paths:
        below = _images_below(folder)
        hint = f"; the {len(below)} in its sub-folders, such as {below[0]}, are not read" if below else ""
        raise UserError(f"{flag} {folder}: holds no {', '.join(IMAGE_ENDINGS)}{hint}")
    first: dict[str, Path] = {}
    for path in paths:
        if first.setdefault(path.stem, path) != path:
            raise UserError(
                f"{flag} {folder}: {first[path.stem].name} and {path.name} would share the name {path.stem}"
            )
    return paths


def warn_of_images_below(folder: str | Path) -> None:
    """Say how many images lie in sub-folders of a folder, which nobody reads."""
    below = _images_below(folder)
    if below:
        logger.warning("%s: %d images in sub-folders are not read, such as %s", folder, len(below), below[0])


def _images_below(folder: str | Path) -> list[Path]:
    return sorted(path for path in Path(folder).glob("*/**/*") if path.suffix.lower() in IMAGE_ENDINGS)


def _open_image(
    path: str | Path,
    formats: tuple[str, ...],
    read: Callable[[Image.Image], Result],
    max_pixels: int = MAX_PIXELS,
) -> Result:
    try:
        with _opened(path, formats) as image:
            if image.width * image.height > max_pixels:
                found = f"{image.width}×{image.height} pixels"
                raise UserError(f"{path}: has {found}; at most {max_pixels} are read (dataset.max_pixels)")
            return read(image)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such image") from None
    except Exception as error:  # PIL raises a dozen kinds for broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: not a readable image of {', '.join(formats)} ({reason})") from None


def _opened(path: str | Path, formats: tuple[str, ...]) -> Image.Image:
    """An image of which the header is read, whatever PIL's own limit of pixels is."""
    with _PIL_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(path, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # an image is whole where its EXIF is broken
        return 1


def _upright(image: Image.Image) -> Image.Image:
    image.load()  # a TIFF turns itself, and has no orientation afterwards
    turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    if image.format == "TIFF":
        image.load()
    lies = _orientation(image) in (5, 6, 7, 8)
    return (image.width, image.height) if lies else (image.height, image.width)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _eight_bits(image).convert("RGB")
    if image.mode == "F":
        raise ValueError("holds fractions; expected 8 or 16 bits a channel")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    grey = np.array(image).astype(np.int64)
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError(f"holds values from {grey.min()} to {grey.max()}; expected 8 or 16 bits a channel")
    return Image.fromarray(((grey + 128) // 257).astype(np.uint8))


def _numbers(image: Image.Image) -> tuple[str, np.ndarray]:
    """Mode and whole numbers of a label map; PIL spreads grey of 1, 2 and 4 bits over 0..255, which is undone."""
    mode, tiles = image.mode, str(getattr(image, "tile", ()))  # the bit depth stands nowhere else
    if mode == "P":
        return mode, np.array(image)
    step = 255 if mode == "1" else 85 if "L;2" in tiles else 17 if "L;4" in tiles else 1
    return mode, np.array(image.convert("I" if mode.startswith("I") else "L")) // step
