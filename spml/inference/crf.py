"""Dense conditional random field: scores sharpened along the edges of the image (Krähenbühl and Koltun, 2011)."""

from dataclasses import dataclass

import numpy as np
import pydensecrf.densecrf as densecrf

SMALLEST_SCORE = 1e-5


@dataclass(frozen=True)
class CRFParameters:
    """Mean-field iterations; widths (pixels, 8-bit colour) and weights of the smoothness and appearance kernels."""

    iterations: int = 10
    pos_xy_std: float = 1
    pos_w: float = 3
    bi_xy_std: float = 67
    bi_w: float = 4
    bi_rgb_std: float = 3

    @classmethod
    def from_flags(cls, flags):
        """The parameters that the command line gives."""
        names = ("iter_max", "pos_xy_std", "pos_w", "bi_xy_std", "bi_w", "bi_rgb_std")
        return cls(*(getattr(flags, f"crf_{name}") for name in names))


def dense_crf(image, scores, parameters):
    """Mean-field marginals of a Potts model: uint8 [h, w, 3], scores [K, h, w] → [K, h, w].

    The unary energy is −log of the scores as they come, clipped to 1e-5..1.
    """
    p = parameters
    classes, height, width = scores.shape
    unary = -np.log(np.clip(scores, SMALLEST_SCORE, 1).astype(np.float32))
    field = densecrf.DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(np.ascontiguousarray(unary.reshape(classes, -1)))
    field.addPairwiseGaussian(sxy=p.pos_xy_std, compat=p.pos_w)
    field.addPairwiseBilateral(sxy=p.bi_xy_std, srgb=p.bi_rgb_std, rgbim=np.ascontiguousarray(image), compat=p.bi_w)
    return np.array(field.inference(p.iterations), np.float32).reshape(classes, height, width)
