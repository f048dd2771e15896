"""Contours: the contour strength of images by HED, in tiles, as `oversegment.py --contour_dir` reads them."""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from spml.commands.flags import Parser
from spml.data.files import read_image, write_image
from spml.devices import choose_device
from spml.errors import UserError
from spml.models.hed import HED, PACKAGE_WEIGHTS, load_hed
from spml.prepare.convert import add_image_flags, chosen_images, convert, shrunk_size

# Pixels of a tile's side that are kept, and those seen around them: more than the network's reach of 98 pixels and
# what its coarsest side output spreads, so that tiles give what the whole image gives.
TILE, TILE_MARGIN = 512, 128


@torch.no_grad()
def hed_strength(network: HED, image: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Contour strengths, H×W float32 in [0, 1], of an H×W×3 RGB uint8 image, on the network's device.

    Larger images go in tiles of `tile` pixels, a multiple of 16, so that memory does not grow with them.
    """
    strength = np.empty(image.shape[:2], np.float32)
    for rows in _tiles(image.shape[0], tile):
        for columns in _tiles(image.shape[1], tile):
            (top, bottom), (left, right) = _with_margin(*rows), _with_margin(*columns)
            seen = network(_as_tensor(image[top:bottom, left:right], network))[0].cpu().numpy()
            kept = slice(rows[0] - top, rows[1] - top), slice(columns[0] - left, columns[1] - left)
            strength[slice(*rows), slice(*columns)] = seen[kept]
    return strength


def _tiles(length: int, tile: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + tile, length)) for start in range(0, length, tile))


def _with_margin(start: int, stop: int) -> tuple[int, int]:
    """What is seen for a tile; it begins at a multiple of the stride, as the pooling of the whole image does."""
    return max(start - TILE_MARGIN, 0), stop + TILE_MARGIN


def _as_tensor(pixels: np.ndarray, network: HED) -> torch.Tensor:
    chw = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
    return chw.to(network.means.device, torch.float32)


def write_contours(source: Path, targets: Sequence[Path], network: HED, longest_side: int = 0) -> None:
    """Write the contour strengths of one image file as an 8-bit grey picture, white = strongest, to `targets[0]`.

    longest_side: what the longest side is shrunk to, the picture's too; 0: as it is.
    """
    image = read_image(source)
    height, width = shrunk_size(image.shape[:2], longest_side)
    if (height, width) != image.shape[:2]:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    write_image(targets[0], np.rint(hed_strength(network, image) * 255).astype(np.uint8))


def contours(argv: Sequence[str] | None = None) -> None:
    """Write the contour strengths of every image of a folder."""
    args = _parse(argv)
    images = chosen_images(args)
    if args.save_dir.resolve() == args.image_dir.resolve():
        raise UserError(f"--save_dir {args.save_dir}: is --image_dir, whose .png files would be replaced")
    network = load_hed(args.weights).to(choose_device(args.device))
    jobs = [(path, (args.save_dir / f"{path.stem}.png",)) for path in images]
    write = partial(write_contours, network=network, longest_side=args.image_size)
    convert(write, jobs, args, "contours", {"weights": str(args.weights), "image_size": args.image_size})


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(description="Contour strengths of images by HED, ID.png, for oversegment.py --contour_dir")
    add_image_flags(parser)
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the strengths, ID.png")
    parser.add_argument(
        "--weights",
        default=PACKAGE_WEIGHTS,
        metavar="FILE",
        help="HED's weights: a .h5 or .pth file, or %(default)s, the installed package (default)",
    )
    parser.add_argument("--device", default="", help="cpu, cuda, cuda:1, ...; by default cuda where there is one")
    parser.add_argument("--skip_existing", action="store_true", help="leave outputs that exist as they are")
    # One process: the network's own threads take all cores.
    parser.set_defaults(workers=0)
    return parser.parse_args(argv)
