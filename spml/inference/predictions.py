"""What networks make of a photograph of any size: classes, how sure they are, and scores, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch

from spml.inference.crf import resize_pixels
from spml.inference.crf_settings import CRFParameters
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.scores import ONE_SCALE, PYRAMID, pyramid_scales, refined, resized_image, retrieval, softmax_of
from spml.inference.tiles import Place, cut_tiles, put_together
from spml.inference.windows import Size
from spml.models.embedding import resize

EVERYWHERE: Place = (slice(None), slice(None))


@dataclass(frozen=True)
class Ways:
    """How a photograph is looked at, and what is kept.

    multi_scale: soft-max over `test.scales` (by default the published five) and mirror images; crf: what refines the
    scores, or None; keep: the type of the scores that are kept, `uint8` (share · 255), `float16`, or None.
    """

    multi_scale: bool = False
    crf: CRFParameters | None = None
    keep: str | None = None


@dataclass(frozen=True)
class Prediction:
    """What is said of each pixel of an image, in arrays of its size.

    mask: uint8 [H, W], classes; entropy: uint8 [H, W], that of the scores, 255 where all classes are equally likely;
    disagreement: uint8 [H, W], the share (255: all) of the nearest prototypes that are of another class than the
    classifier's, or None; scores: [K, H, W] of the wanted type, or None.
    """

    mask: np.ndarray
    entropy: np.ndarray
    disagreement: np.ndarray | None
    scores: np.ndarray | None

    @property
    def size(self) -> Size:
        """Height and width."""
        height, width = self.mask.shape
        return height, width

    def add(self, place: Place, scores: torch.Tensor, rivals: torch.Tensor | None) -> None:
        """Fill in a place of the image from scores and rival scores [K, h, w], class by class brought to its size."""
        height, width = self.mask[place].shape
        best = torch.full((height, width), -1.0, device=scores.device)
        mask, entropy = torch.zeros_like(best, dtype=torch.uint8), torch.zeros_like(best)
        for number, score in enumerate(_class_by_class(scores, (height, width))):
            mask[score > best] = number
            best = torch.maximum(best, score)
            entropy += torch.special.entr(score)
            if self.scores is not None:
                self.scores[number][place] = _kept(score, self.scores.dtype)
        self.mask[place] = mask.cpu().numpy()
        self.entropy[place] = _eight_bits(entropy / log(len(scores)))
        if self.disagreement is not None and rivals is not None:
            agreement = torch.zeros_like(best)
            for number, share in enumerate(_class_by_class(rivals, (height, width))):
                agreement = torch.where(mask == number, share, agreement)
            self.disagreement[place] = _eight_bits(1 - agreement)


def _class_by_class(scores: torch.Tensor, size: Size) -> Iterator[torch.Tensor]:
    for score in scores:
        yield score if score.shape == size else resize(score[None, None], size)[0, 0]


def _eight_bits(share: torch.Tensor) -> np.ndarray:
    return (255 * share).round().clamp(0, 255).byte().cpu().numpy()


def _kept(score: torch.Tensor, kind: np.dtype) -> np.ndarray:
    return _eight_bits(score) if kind == np.uint8 else score.cpu().numpy().astype(kind)


@torch.inference_mode()
def predict_image(networks: Networks, image: np.ndarray, ways: Ways) -> Prediction:
    """The prediction for an image uint8 [H, W, 3], RGB, seen at `test.image_size`.

    By the classifier; by the nearest prototypes where the networks have none. Both are compared where there are both.
    An image of more than MAX_WHOLE_PIXELS as it is seen goes in tiles, the CRF too.
    """
    given, config = InputImage(image), networks.config
    seen = given.within(config.dataset.max_side, config.dataset.num_classes)
    pixels = resized_image(seen, config)
    height, width = pixels.shape[:2]
    compare = networks.classifier is not None and len(networks.gallery) > 0
    classes = config.dataset.num_classes
    found = _blank(given.size, classes, ways, compare)
    # The CRF sees the colours as they are, at the scores' own size.
    colours = resize_pixels(seen.pixels, (height, width))
    tiles = cut_tiles((height, width), tuple(config.test.crop_size))

    def score(place: Place, _: Size) -> torch.Tensor:
        return _score(networks, pixels[place], colours[place], ways, compare)

    parts: Iterator[tuple[Place, torch.Tensor]]
    if (height, width) == given.size:
        parts = ((tile.core, _at(score(tile.window, given.size), tile.inner)) for tile in tiles)
    else:
        parts = iter([(EVERYWHERE, put_together(tiles, (height, width), (height, width), score))])
    for place, values in parts:
        found.add(place, values[:classes], values[classes:] if compare else None)
    return found


def _blank(size: Size, classes: int, ways: Ways, compare: bool) -> Prediction:
    mask = np.zeros(size, np.uint8)
    scores = None if ways.keep is None else np.zeros((classes, *size), ways.keep)
    return Prediction(mask, mask.copy(), mask.copy() if compare else None, scores)


def _at(values: torch.Tensor, place: Place) -> torch.Tensor:
    rows, columns = place
    return values[:, rows, columns]


def _score(networks: Networks, pixels: np.ndarray, colours: np.ndarray, ways: Ways, compare: bool) -> torch.Tensor:
    """Scores of an image [h, w, 3] in 0..1, and behind them those of retrieval where both are compared: [·, h, w]."""
    if networks.classifier is None:
        scores = retrieval.score(networks, pixels)
    else:
        scales: Sequence[float] = pyramid_scales(networks.config, PYRAMID) if ways.multi_scale else ONE_SCALE
        height, width = pixels.shape[:2]
        scores = softmax_of(networks, networks.look(pixels, scales, ways.multi_scale), (height, width))
    scores = refined(scores, colours, ways.crf)
    return torch.cat([scores, retrieval.score(networks, pixels)]) if compare else scores
