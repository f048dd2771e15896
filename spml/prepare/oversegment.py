"""Over-segmentation: an image, or its contour strength, into at most 255 regions."""

import os
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from spml.commands.flags import Parser, number
from spml.data.files import need_dir, read_image, write_image
from spml.errors import UserError
from spml.prepare.convert import add_common_flags, add_image_flags, chosen_images, convert, shrunk_size

DEFAULT_THRESHOLD = 0.15
GRADIENT_SCALES = (1.0, 2.0)
# A step of this many Lab units is a contour of strength 1 - 1/e.
LAB_STEP = 40.0
# Differences in strength below this make no basin of their own: merging takes as long as there are basins.
FLOOD_STEP = 0.02
# Steps by which the threshold rises while there are too many regions.
THRESHOLD_STEP = 0.01
# Boundaries of regions that cover less of the image than this count for less, in proportion.
SPECK_SHARE = 1 / 1000
# Reach of the bilateral filter, in Lab units and in pixels: fine texture goes, steps stay.
TEXTURE_STEP, TEXTURE_REACH = 15.0, 3.0


def contour_strength(image: np.ndarray) -> np.ndarray:
    """Contour strength in [0, 1] of an H×W×3 RGB uint8 image, H×W float32, from the image alone.

    The weaker of the Gaussian gradients in Lab at a fine and a coarse scale, after bilateral filtering: texture dies
    out at the coarse one, and the fine one keeps ridges thin. A straight step edge is as strong at either.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.bilateralFilter(lab, 0, TEXTURE_STEP, TEXTURE_REACH)
    step = np.min([step_height(lab, scale) for scale in GRADIENT_SCALES], axis=0)
    return 1 - np.exp(-step / LAB_STEP)


def step_height(lab: np.ndarray, scale: float) -> np.ndarray:
    """Height in Lab units of the step edge that would have each pixel's gradient at this scale (in pixels): H×W."""
    smooth = np.pad(cv2.GaussianBlur(lab, (0, 0), scale), ((1, 1), (1, 1), (0, 0)), mode="edge")
    dy, dx = smooth[2:, 1:-1] - smooth[:-2, 1:-1], smooth[1:-1, 2:] - smooth[1:-1, :-2]
    return np.sqrt((dx**2 + dy**2).sum(2)) / 2 * scale * np.sqrt(2 * np.pi)


def oversegment_image(
    image: np.ndarray,
    contours: ArrayLike | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    max_regions: int = 255,
) -> np.ndarray:
    """Over-segment an H×W×3 RGB uint8 image into connected regions, H×W uint8, ids from 0 without gaps.

    contours: H×W contour strength in [0, 1], 1 = strongest; by default computed from the image. The basins of a
    watershed are merged, weakest boundary first, until every boundary's mean strength is at least `threshold`, and on
    beyond it while there are more than `max_regions` (at most 255).
    """
    strength = contour_strength(image) if contours is None else np.asarray(contours, np.float32)
    return merge_basins(watershed_basins(strength), strength, threshold, max_regions).astype(np.uint8)


def watershed_basins(strength: np.ndarray) -> np.ndarray:
    """Catchment basins of a contour strength (H×W): connected, H×W int, ids from 1, or all 0 where it is flat."""
    from skimage.segmentation import watershed

    return watershed(np.rint(strength / FLOOD_STEP).astype(int), connectivity=1)


def merge_basins(basins: np.ndarray, strength: np.ndarray, threshold: float, max_regions: int) -> np.ndarray:
    """Merge adjacent basins, the pair of weakest common boundary first; H×W int, ids from 0 without gaps."""
    from skimage.graph import merge_hierarchical

    if basins.max() <= 1:
        return np.zeros_like(basins)
    graph = boundary_graph(basins, strength)
    while True:
        # The graph keeps what was merged, so that a raised threshold goes on from there.
        regions = merge_hierarchical(
            basins,
            graph,
            thresh=threshold,
            rag_copy=False,
            in_place_merge=True,
            merge_func=_add_area,
            weight_func=_joint_boundary,
        )
        if graph.number_of_nodes() <= max_regions:
            return regions
        threshold += THRESHOLD_STEP


def boundary_graph(basins: np.ndarray, strength: np.ndarray) -> Any:
    """Adjacency graph of the basins: nodes with `area` in units of the smallest region, edges with the boundary's
    `count` of pixels, mean `strength`, and `weight` by which they merge."""
    from skimage.graph import rag_boundary

    graph = rag_boundary(basins, strength, connectivity=1)
    for basin, pixels in enumerate(np.bincount(basins.ravel())[1:], 1):
        graph.nodes[basin]["area"] = pixels / (SPECK_SHARE * basins.size)
    for first, second, edge in graph.edges(data=True):
        edge["strength"] = edge["weight"]
        edge["weight"] *= _significance(graph, first, second)
    return graph


def _significance(graph: Any, first: int, second: int) -> float:
    """Factor in (0, 1] that takes the boundary between a speck and its neighbour for a weak one."""
    return min(1, graph.nodes[first]["area"], graph.nodes[second]["area"])


def _add_area(graph: Any, source: int, target: int) -> None:
    graph.nodes[target]["area"] += graph.nodes[source]["area"]


def _joint_boundary(graph: Any, source: int, target: int, neighbour: int) -> dict[str, float]:
    """The boundary that two merged regions have with a neighbour of either; `target` has the area of both."""
    edges = [graph[region][neighbour] for region in (source, target) if graph.has_edge(region, neighbour)]
    count = sum(edge["count"] for edge in edges)
    strength = sum(edge["strength"] * edge["count"] for edge in edges) / count
    return {"count": count, "strength": strength, "weight": strength * _significance(graph, target, neighbour)}


def oversegment_shrunk(
    image: np.ndarray, contours: np.ndarray | None, threshold: float, longest_side: int
) -> np.ndarray:
    """As `oversegment_image`, with the longest side shrunk to so many pixels (0: as it is), back by nearest."""
    height, width = shrunk_size(image.shape[:2], longest_side)
    if (height, width) == image.shape[:2]:
        return oversegment_image(image, contours, threshold)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if contours is not None:
        contours = cv2.resize(contours, (width, height), interpolation=cv2.INTER_AREA)
    regions = oversegment_image(small, contours, threshold)
    return cv2.resize(regions, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def read_contours(path: str | Path, size: tuple[int, int], longest_side: int = 0) -> np.ndarray:
    """Read a contour-strength picture (white = strongest) as H×W float32 in [0, 1].

    Raises UserError where it is missing or broken, or neither of the image's `size` (H, W) nor of that size shrunk to
    `longest_side`.
    """
    contours = read_image(path).max(axis=2)
    if contours.shape not in (size, shrunk_size(size, longest_side)):
        raise UserError(f"{path}: is {contours.shape[1]}×{contours.shape[0]}, but its image is {size[1]}×{size[0]}")
    return contours.astype(np.float32) / 255


def oversegment_file(source: tuple[Path, ...], targets: tuple[Path, ...], threshold: float, longest_side: int) -> None:
    """Over-segment the image file `source[0]` into `targets[0]`, with the contours in `source[1]` if that is given."""
    image = read_image(source[0])
    contours = read_contours(source[1], image.shape[:2], longest_side) if source[1:] else None
    write_image(targets[0], oversegment_shrunk(image, contours, threshold, longest_side))


def oversegment(argv: list[str] | None = None) -> None:
    """Over-segment every image of a folder."""
    args = _parse(argv)
    given = args.contour_dir is not None
    settings = {"threshold": args.threshold, "image_size": args.image_size, "contours": given}
    if given:
        # Seen from --save_dir, so that both may move.
        settings["contour_dir"] = os.path.relpath(need_dir(args.contour_dir, "--contour_dir"), args.save_dir)
    jobs = []
    for path in chosen_images(args):
        contours = (args.contour_dir / f"{path.stem}.png",) if given else ()
        jobs.append(((path, *contours), (args.save_dir / f"{path.stem}.png",)))
    write = partial(oversegment_file, threshold=args.threshold, longest_side=args.image_size)
    convert(write, jobs, args, "over-segmentation", settings)


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="Over-segment images into at most 255 regions each (8-bit ids)")
    add_image_flags(parser)
    parser.add_argument(
        "--contour_dir",
        type=Path,
        help="folder of contour strengths ID.png of the images' sizes, or shrunk to --image_size, white = strongest, "
        "such as HED gives (default: computed from the image)",
    )
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the region ids, ID.png")
    parser.add_argument(
        "--threshold",
        type=number("--threshold", float, 0, 1),
        default=DEFAULT_THRESHOLD,
        help="merge across boundaries of a lower mean strength; larger = fewer regions (default: %(default)s)",
    )
    add_common_flags(parser)
    return parser.parse_args(argv)
