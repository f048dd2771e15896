"""The face of inference: a trained network that takes an image and gives its mask, scores, embedding or prototypes."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from spml.config import Config, load_config
from spml.data.transforms import resize_label
from spml.devices import choose_device, need_memory
from spml.errors import UserError
from spml.inference.crf import resize_pixels
from spml.inference.crf_settings import CRFParameters
from spml.inference.gallery import LabelledPrototypes, empty_gallery
from spml.inference.input_image import InputImage
from spml.inference.labelled_prototypes import image_prototypes
from spml.inference.networks import Networks
from spml.inference.precision import in_precision
from spml.inference.scores import ONE_SCALE, refined, resized_image, retrieval, softmax, softmax_of
from spml.inference.tiles import Place, cut_tiles, put_together
from spml.inference.windows import Size
from spml.models.embedding import resize
from spml.models.snapshots import snapshot_path
from spml.models.weights import load_file, load_snapshot

CONFIG_NAME = "config_merged.yaml"  # what training writes beside its snapshots
WINDOW_BYTES = 64  # a pixel at least: its colours, and what a small backbone gives, in float32


class Segmenter(Networks):
    """Trained networks on one device, called with images.

    An image is uint8 [H, W, 3], RGB; what has pixels is numpy at its size. Images of another form, and labels of
    another size, raise UserError. `test.*` of the configuration says at which size and in which windows it is seen.
    """

    def _input(self, image: np.ndarray) -> InputImage:
        """The image within `dataset.max_side`."""
        dataset = self.config.dataset
        return _checked(image).within(dataset.max_side, dataset.num_classes)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The classes of an image by the classifier's soft-max, uint8 [H, W]: what inference_softmax.py writes.

        Raises UserError where the snapshot holds no classifier.
        """
        return resize_label(softmax.mask(self, self._input(image)), image.shape[:2])

    @torch.inference_mode()
    def scores(
        self,
        image: np.ndarray,
        scales: Sequence[float] | None = None,
        flips: bool = False,
        crf: bool | CRFParameters = False,
    ) -> np.ndarray:
        """The classifier's soft-max, averaged over scales and the mirror image where asked to: float32 [K, H, W].

        scales: ratios of the image's size; None: one scale, `test.image_size`; crf: whether a dense CRF refines them
        (Krähenbühl and Koltun, 2011), or its parameters. Raises UserError where the snapshot holds no classifier, and
        for crf where pydensecrf is not installed.
        """
        if scales is not None:
            _check_scales(scales)
        given = self._input(image)
        pixels = resized_image(given, self.config) if scales is None else given.unit_range()
        height, width = pixels.shape[:2]
        chosen: Sequence[float] = ONE_SCALE if scales is None else scales
        parameters = crf if isinstance(crf, CRFParameters) else CRFParameters() if crf else None
        colours = resize_pixels(given.pixels, (height, width))

        def score(place: Place, size: Size) -> torch.Tensor:
            return refined(softmax_of(self, self.look(pixels[place], chosen, flips), size), colours[place], parameters)

        tiles = cut_tiles((height, width), tuple(self.config.test.crop_size))
        found = put_together(tiles, (height, width), (height, width), score)
        return resize(found[None], given.result_size)[0].cpu().numpy()

    @torch.inference_mode()
    def embed(self, image: np.ndarray) -> np.ndarray:
        """The embedding of each pixel, unit vectors float32 [C, H, W] (paper, section 3.1)."""
        given = self._input(image)
        ((view, embeddings),) = self.look(resized_image(given, self.config), ONE_SCALE, flips=False)
        return F.normalize(view.to_image(self.unit_embedding(view, embeddings), given.result_size), dim=0).cpu().numpy()

    @torch.inference_mode()
    def prototypes(self, image: np.ndarray, label: np.ndarray) -> LabelledPrototypes:
        """The prototypes of an image's segments with the majority of a label map uint8 [H, W] in each (section 3.4).

        Values of `label` from the number of classes on are no class. Raises UserError where its size is another.
        """
        given, dataset = _checked(image), self.config.dataset
        if not isinstance(label, np.ndarray) or label.dtype != np.uint8 or label.shape != given.size:
            raise UserError(f"label: expected a uint8 array of the image's size {given.size}, not {_form(label)}")
        return image_prototypes(self, InputImage(image, label).within(dataset.max_side, dataset.num_classes))

    def remember(self, prototypes: LabelledPrototypes | Sequence[LabelledPrototypes]) -> None:
        """Put the prototypes of one image or of several into the gallery; those of no class are left out.

        Raises UserError where their dimension is not `network.embedding_dim`.
        """
        found = prototypes if isinstance(prototypes, Sequence) else [prototypes]
        self.gallery = self.gallery.joined(found, self.config.dataset.num_classes)

    @torch.inference_mode()
    def retrieve(self, image: np.ndarray) -> np.ndarray:
        """The classes of an image by the vote of the nearest prototypes in the gallery, uint8 [H, W] (section 3.4).

        What inference.py writes. Raises UserError while the gallery is empty.
        """
        given = self._input(image)
        if not len(self.gallery):
            raise UserError("the gallery is empty: remember(prototypes(image, label)) of labelled images comes first")
        return resize_label(retrieval.mask(self, given), image.shape[:2])


def _form(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _check_scales(scales: Sequence[float]) -> None:
    try:
        right = len(scales) > 0 and all(0 < scale < float("inf") for scale in scales)
    except TypeError:  # no sequence, or not of numbers
        right = False
    if not right:
        raise UserError(f"scales is {scales!r}, expected positive numbers, like (0.5, 1)")


def _checked(image: np.ndarray) -> InputImage:
    """The image as it is, once it has been seen to be one."""
    array = isinstance(image, np.ndarray)
    if not array or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise UserError(f"image: expected a uint8 array H×W×3, RGB, not {_form(image)}")
    return InputImage(image)


def open_networks(config: Config, snapshot: Path, device: torch.device, classifier: bool) -> Segmenter:
    """The Segmenter of a snapshot, with an empty gallery; raises UserError where file and configuration do not fit.

    So where the memory of the device does not suffice for one window of `test.crop_size`. classifier: whether the
    snapshot's prediction_model is wanted.
    """
    height, width = config.test.crop_size
    a_pixel = WINDOW_BYTES + config.network.embedding_dim / 16 * 4  # the embedding, in float32 at stride 4
    need_memory(a_pixel * height * width, device, f"test.crop_size {list(config.test.crop_size)}")
    embedding, head = load_snapshot(config, snapshot, device, classifier)
    gallery = empty_gallery(config.network.embedding_dim, device, config.test.prototypes)
    network = in_precision(embedding.to(memory_format=torch.channels_last), config.test.amp, device)
    logits = None if head is None else in_precision(head, config.test.amp, device)
    return Segmenter(network, logits, gallery, config, device)


def load(path: str | Path, config: str | Path | Config | None = None, device: str = "") -> Segmenter:
    """The Segmenter of a trained snapshot.

    path: a `.pth`, or a folder, whose model-{train.max_iteration - 1}.pth is taken; config: a YAML file or what
    load_config returns; None: the config_merged.yaml beside the snapshot; device: `cpu`, `cuda`, `cuda:1`, ...; by
    default cuda where there is one. Raises UserError where something is missing or does not fit.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise UserError(f"{path}: no such snapshot or folder of snapshots")
    settings = _configuration(path if path.is_dir() else path.parent, config)
    if settings.network.prediction_types == "cam":
        raise UserError(
            f"{path}: is of tag training (network.prediction_types: cam), expected an embedding or classifier"
        )
    snapshot = snapshot_path(path, settings.train.max_iteration - 1) if path.is_dir() else path
    chosen = choose_device(device)
    return open_networks(settings, snapshot, chosen, bool(load_file(snapshot).get("prediction_model")))


def _configuration(folder: Path, config: str | Path | Config | None) -> Config:
    if isinstance(config, Config):
        return config
    if config is None and not (folder / CONFIG_NAME).is_file():
        raise UserError(
            f"{folder}: holds no {CONFIG_NAME}; name the configuration it was trained with: load(path, config)"
        )
    return load_config(folder / CONFIG_NAME if config is None else config)
