"""Dense conditional random field: scores sharpened along the edges of the image (Krähenbühl and Koltun, 2011)."""

from types import ModuleType

import numpy as np

from spml.data.transforms import resize_image
from spml.errors import UserError
from spml.inference.crf_settings import CRFParameters

SMALLEST_SCORE = 1e-5


def need_pydensecrf() -> ModuleType:
    """The module that computes the CRF; raises UserError that says what to install where it is missing."""
    try:
        import pydensecrf.densecrf as densecrf
    except ImportError as error:
        raise UserError(
            f"the dense CRF needs pydensecrf ({error}): pip install pydensecrf2, or leave the CRF out"
        ) from None
    return densecrf


def dense_crf(image: np.ndarray, scores: np.ndarray, parameters: CRFParameters) -> np.ndarray:
    """Mean-field marginals of a Potts model: uint8 [h, w, 3], scores [K, h, w] → [K, h, w] float32.

    The unary energy is −log of the scores as they come, clipped to 1e-5..1. Raises UserError without pydensecrf.
    """
    p = parameters
    classes, height, width = scores.shape
    unary = -np.log(np.clip(scores, SMALLEST_SCORE, 1).astype(np.float32))
    field = need_pydensecrf().DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(np.ascontiguousarray(unary.reshape(classes, -1)))
    field.addPairwiseGaussian(sxy=p.pos_xy_std, compat=p.pos_w)
    colours = np.require(image, requirements=["C", "W"])  # which pydensecrf asks for
    field.addPairwiseBilateral(sxy=p.bi_xy_std, srgb=p.bi_rgb_std, rgbim=colours, compat=p.bi_w)
    return np.array(field.inference(p.iterations), np.float32).reshape(classes, height, width)


def resize_pixels(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """An 8-bit image at `size` (height, width), resized in floating point and truncated."""
    return image if image.shape[:2] == tuple(size) else resize_image(image.astype(np.float32), size).astype(np.uint8)


def refine_scores(pixels: np.ndarray, scores: np.ndarray, parameters: CRFParameters) -> np.ndarray:
    """Scores [K, h, w] of an image uint8 [H, W, 3] after the CRF, which sees the image at the scores' own size."""
    colours = resize_pixels(pixels, scores.shape[1:])
    if not parameters.present_only:
        return dense_crf(colours, scores, parameters)
    present = scores.max((1, 2)) > SMALLEST_SCORE
    refined = np.zeros(scores.shape, np.float32)
    if present.any():
        refined[present] = dense_crf(colours, scores[present], parameters)
    return refined
