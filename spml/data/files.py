"""One import for everything on disk: paths and text, images and label maps, arrays."""

from spml.data.arrays import read_npy, read_npz, write_arrays
from spml.data.images import (
    IMAGE_ENDINGS,
    find_images,
    image_size,
    read_colours,
    read_image,
    read_label,
    warn_of_images_below,
    write_image,
)
from spml.data.paths import atomic_path, files_below, make_dir, need_dir, read_text, visible_files, write_text

__all__ = [
    "IMAGE_ENDINGS",
    "atomic_path",
    "files_below",
    "find_images",
    "image_size",
    "make_dir",
    "need_dir",
    "read_colours",
    "read_image",
    "read_label",
    "read_npy",
    "read_npz",
    "read_text",
    "visible_files",
    "warn_of_images_below",
    "write_arrays",
    "write_image",
    "write_text",
]
