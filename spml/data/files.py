"""Reading files that may be broken or hostile, and writing files that are never half there."""

import os
import pickle
import zipfile
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from spml.data.labels import VOID
from spml.errors import UserError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")
_NUMPY_GLOBALS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
}


@contextmanager
def atomic_path(path):
    """Yield a temporary path beside `path` that takes its place when the block ends without an error.

    Raises UserError where the system does not let it be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    make_dir(path.parent)
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error})") from None
    finally:
        partial.unlink(missing_ok=True)


def visible_files(folder, pattern="*"):
    """The sorted files of a folder that match `pattern`, without hidden ones, which killed processes leave."""
    return sorted(path for path in Path(folder).glob(pattern) if path.is_file() and not path.name.startswith("."))


def make_dir(path):
    """Make a folder and those above it, unless they are there; raises UserError where that cannot be."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path}: the folder cannot be made ({error})") from None


def write_text(path, text):
    """Write a text file atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text)


def write_image(path, pixels, palette=None):
    """Write uint8 pixels (H×W or H×W×3) atomically; with `palette` (256×3 uint8) as an indexed-colour PNG."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if palette is not None:
        image.putpalette(np.asarray(palette, np.uint8).tobytes())
    with atomic_path(path) as partial:
        image.save(partial)


def write_arrays(path, **arrays):
    """Write plain arrays as an uncompressed `.npz`, atomically."""
    with atomic_path(path) as partial:
        np.savez(partial, **arrays)


def _open_image(path, read):
    try:
        with Image.open(path) as image:
            return read(image)
    except FileNotFoundError:
        raise UserError(f"{path}: no such image") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a readable image ({error})") from None


def read_image(path):
    """Read an image as H×W×3 RGB uint8; raises UserError where it is missing or broken."""
    return _open_image(path, lambda image: np.array(image.convert("RGB")))


def image_size(path):
    """(height, width) of an image file, from its head alone; raises UserError where it is missing or broken."""
    return _open_image(path, lambda image: (image.height, image.width))


def _indices(image):
    """Mode and whole numbers of a grey image; PIL spreads those of 1, 2 and 4 bits over 0..255, which is undone."""
    mode, tiles = image.mode, str(image.tile)  # the bit depth is to be seen nowhere else
    step = 255 if mode == "1" else 85 if "L;2" in tiles else 17 if "L;4" in tiles else 1
    return mode, np.array(image.convert("I" if mode.startswith("I") else "L")) // step


def read_label(path):
    """Read a label map of 1 to 16 bits as H×W uint8, each pixel the number that the file holds.

    Raises UserError where it is missing, broken, in colour or beyond 255.
    """
    mode, label = _open_image(path, _indices)
    if mode not in ("L", "1", "I", "I;16"):
        raise UserError(
            f"{path}: a label map must be an 8-bit grey image of class ids, this one has mode {mode}; "
            "convert colour masks with pyscripts/data/voc_masks.py"
        )
    if label.min() < 0 or label.max() > VOID:
        raise UserError(
            f"{path}: holds values beyond 0..{VOID}; a label map is 8-bit, of at most 255 classes or regions"
        )
    return label.astype(np.uint8)


class _NumpyUnpickler(pickle.Unpickler):
    """Builds numpy arrays, numbers, strings, dicts and lists, and refuses everything else."""

    def find_class(self, module, name):
        if (module, name) in _NUMPY_GLOBALS:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def read_npy(path):
    """Read a `.npy`: a plain array, or the object it pickles (a dict of arrays, say) through a restricted unpickler.

    Raises UserError where the file is missing, broken, or asks for anything but numpy arrays, numbers, strings, dicts
    and lists.
    """
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = (
                np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            )
            _, _, dtype = read_header(file)
            if not dtype.hasobject:
                file.seek(0)
                return np.lib.format.read_array(file, allow_pickle=False)
            content = _NumpyUnpickler(file, encoding="latin1").load()
            return content.item() if isinstance(content, np.ndarray) and content.ndim == 0 else content
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as error:
        raise UserError(f"{path}: not a readable .npy of arrays, numbers, strings, dicts and lists ({error})") from None


def read_npz(path):
    """Read all arrays of an `.npz` into a dict; raises UserError where it is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable .npz of plain arrays ({error})") from None


def need_dir(path, what):
    """Return `path` as a Path; raises UserError naming `what` it should be where it is no folder."""
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{what} {path}: no such folder")
    return path


def find_images(folder, flag):
    """The image files of a folder, sorted; raises UserError naming `flag` where it has none, or two of one name."""
    images = [path for path in visible_files(need_dir(folder, flag)) if path.suffix.lower() in IMAGE_ENDINGS]
    if not images:
        raise UserError(f"{flag} {folder}: no {', '.join(IMAGE_ENDINGS)} files in there")
    for first, second in pairwise(images):
        if first.stem == second.stem:
            raise UserError(f"{flag} {folder}: {first} and {second} share the name {first.stem}")
    return images
