"""The loops over images that scripts share; imported once a job is open, since torch comes with it."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
import torch

from spml.commands import ranks
from spml.commands.job import Job
from spml.commands.mask_outputs import PROTOTYPES, TiledMasks
from spml.data.cam_files import cam_path, write_cam
from spml.data.joined_prototypes import join_prototypes
from spml.data.labels import UNLABELLED, VOID, first_tag
from spml.data.prototype_files import write_prototypes
from spml.data.transforms import resize_image, resize_label
from spml.devices import choose_device
from spml.inference.activation_maps import activation_maps
from spml.inference.crf import resize_pixels
from spml.inference.gallery import LabelledPrototypes, gallery_of
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.scores import Scorer, best_class
from spml.inference.segmenter import Segmenter, open_networks
from spml.models.weights import load_cam

Item = TypeVar("Item")
Score = Callable[[Networks, InputImage], torch.Tensor]
Prototype = Callable[[Networks, InputImage], LabelledPrototypes]


def job_segmenter(job: Job) -> Segmenter:
    """The networks that a job's flags and configuration name; raises UserError where they do not fit together."""
    device = choose_device(job.flags.device)
    segmenter = open_networks(job.config, job.snapshot, device, job.needs.classifier)
    if job.gallery is not None:
        segmenter.gallery = gallery_of(*job.gallery, device)
    return segmenter


def make_masks(job: Job, score: Score, keep_void: bool = False) -> None:
    """Write the mask of every image of a job.

    score: (networks, image) → class scores K×h×w, at the image's or another resolution; a Scorer goes by tiles where an
    image is large; keep_void: whether void pixels of the image's label stay void.
    """
    if job.nothing_left():
        return
    segmenter = job_segmenter(job)
    with job.begin() as progress, torch.inference_mode():
        job.pool.on_done = progress.update
        for some in groups(job.images(), job.config.test.images_at_once):
            for name, image, scores in _scored(job, segmenter, some, score):
                void = _void(image) if keep_void else None
                arguments = (name, image.pixels, _values_of(scores, job).cpu().numpy(), void, image.result_size)
                job.pool.submit(f"image {name}", job.outputs.finish_mask, *arguments)
        job.pool.finish()
        progress.finish()


def groups(items: Iterator[Item], count: int) -> Iterator[list[Item]]:
    """The items in lists of `count`, the last one of what is left."""
    while some := list(islice(items, count)):
        yield some


def _scored(
    job: Job, networks: Networks, some: list[tuple[str, InputImage]], score: Score
) -> Iterator[tuple[str, InputImage, torch.Tensor]]:
    """Images and their scores; those that go by tiles are made into masks at once."""
    if not isinstance(score, Scorer):
        yield from ((name, image, score(networks, image)) for name, image in some)
        return
    whole = []
    for name, image in some:
        if score.sees_whole(networks, image):
            whole.append((name, image))
        else:
            _make_tiled_mask(job, networks, name, image, score)
    for (name, image), scores in zip(whole, score.several(networks, [image for _, image in whole]), strict=True):
        yield name, image, scores


def _make_tiled_mask(job: Job, networks: Networks, name: str, image: InputImage, scorer: Scorer) -> None:
    """Write the mask of a large image, tile by tile, so that its scores are never held all at once."""

    def finish(masks: np.ndarray) -> None:
        job.outputs.write_masks(name, masks, image.result_size)
        job.pool.on_done()

    size = scorer.size(networks, image)
    masks, colours = TiledMasks((len(job.outputs.folders), *size), finish), resize_pixels(image.pixels, size)
    for tile, scores in scorer.tiles(networks, image):
        arguments = np.ascontiguousarray(colours[tile.window]), _values_of(scores, job).cpu().numpy()
        job.pool.submit(f"image {name}", job.outputs.classes, *arguments, then=partial(masks.add, tile))


def _void(image: InputImage) -> np.ndarray:
    return resize_label((image.weak_label == VOID).astype(np.uint8), image.result_size) > 0


def _values_of(scores: torch.Tensor, job: Job) -> torch.Tensor:
    """Scores [K, h, w] for the CRF, or their mask; without a background an image of which nothing is known has none."""
    if first_tag(job.config.dataset) == 0 and not scores.any():
        return torch.full_like(scores[0], UNLABELLED, dtype=torch.uint8)
    return scores if job.needs.crf else best_class(scores)


def make_prototypes(job: Job, prototypes: Prototype, pictures: bool = False) -> None:
    """Write the segment prototypes of every image of a job and join them; pictures: and the segments, at one scale."""
    if not job.nothing_left():
        _write_prototypes(job, prototypes, pictures)
    if ranks.this_rank() == 0:  # which ends last
        folder = (job.outputs.save_dir / PROTOTYPES[0]).parent
        dim, classes = job.config.network.embedding_dim, job.config.dataset.num_classes
        join_prototypes(folder, dim, classes, job.config.test.prototypes)


def _write_prototypes(job: Job, prototypes: Prototype, pictures: bool) -> None:
    segmenter = job_segmenter(job)
    with job.begin() as progress, torch.inference_mode():
        for name, image in job.images():
            found = prototypes(segmenter, image)
            write_prototypes(job.outputs.save_dir / PROTOTYPES[0].format(name), found.prototype, found.label)
            if pictures:
                job.outputs.write_clusters(name, resize_label(found.segment, image.result_size))
            progress.update()
        progress.finish()


def make_cams(job: Job, tags: dict[str, tuple[int, ...]]) -> None:
    """Write the class activation maps of every image's tags to SAVE_DIR/ID.npy."""
    if job.nothing_left():
        return
    device, first = choose_device(job.flags.device), first_tag(job.config.dataset)
    backbone, head = load_cam(job.config, job.snapshot, device)
    with job.begin() as progress, torch.inference_mode():
        for name, image in job.images():
            keep = [label - first for label in tags[name]]
            maps = activation_maps(lambda x: head.activation(backbone(x)), image.unit_range(), job.config, device, keep)
            found = {
                label: resize_image(each.cpu().numpy(), image.result_size)
                for label, each in zip(tags[name], maps, strict=True)
            }
            write_cam(cam_path(job.outputs.save_dir, name), found, first)
            progress.update()
        progress.finish()
