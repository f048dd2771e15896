"""The loops over images that scripts share; imported once a job is open, since torch comes with it."""

from collections.abc import Callable

import torch

from spml.commands import ranks
from spml.commands.job import Job
from spml.commands.mask_outputs import PROTOTYPES
from spml.data.cam_files import cam_path, write_cam
from spml.data.joined_prototypes import join_prototypes
from spml.data.labels import UNLABELLED, VOID, first_tag
from spml.data.prototype_files import write_prototypes
from spml.data.transforms import resize_label
from spml.devices import choose_device
from spml.inference.activation_maps import activation_maps
from spml.inference.gallery import LabelledPrototypes, gallery_of
from spml.inference.input_image import InputImage
from spml.inference.networks import Networks
from spml.inference.segmenter import Segmenter, open_networks
from spml.models.weights import load_cam

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

    score: (networks, image) → class scores K×h×w, at the image's or another resolution; keep_void: whether void pixels
    of the image's label stay void.
    """
    if job.nothing_left():
        return
    segmenter = job_segmenter(job)
    with job.begin() as progress, torch.inference_mode():
        job.pool.on_done = progress.update
        for name, image in job.images():
            scores = score(segmenter, image)
            values = _values_of(scores, job)
            void = image.weak_label == VOID if keep_void else None
            arguments = (name, image.pixels, values.cpu().numpy(), void)
            job.pool.submit(f"image {name}", job.outputs.finish_mask, *arguments)
        job.pool.finish()
        progress.finish()


def _values_of(scores: torch.Tensor, job: Job) -> torch.Tensor:
    """Scores [K, h, w] for the CRF, or their mask; without a background an image of which nothing is known has none."""
    if first_tag(job.config.dataset) == 0 and not scores.any():
        return torch.full_like(scores[0], UNLABELLED, dtype=torch.uint8)
    return scores if job.needs.crf else scores.argmax(0).byte()


def make_prototypes(job: Job, prototypes: Prototype, pictures: bool = False) -> None:
    """Write the segment prototypes of every image of a job and join them; pictures: and the segments, at one scale."""
    if not job.nothing_left():
        _write_prototypes(job, prototypes, pictures)
    if ranks.this_rank() == 0:  # which ends last
        folder = (job.outputs.save_dir / PROTOTYPES[0]).parent
        join_prototypes(folder, job.config.network.embedding_dim, job.config.dataset.num_classes)


def _write_prototypes(job: Job, prototypes: Prototype, pictures: bool) -> None:
    segmenter = job_segmenter(job)
    with job.begin() as progress, torch.inference_mode():
        for name, image in job.images():
            found = prototypes(segmenter, image)
            write_prototypes(job.outputs.save_dir / PROTOTYPES[0].format(name), found.prototype, found.label)
            if pictures:
                job.outputs.write_clusters(name, resize_label(found.segment, image.size))
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
            maps = activation_maps(lambda x: head.activation(backbone(x)), image.unit_range(), job.config, device)
            found = {label: maps[label - first].cpu().numpy() for label in tags[name]}
            write_cam(cam_path(job.outputs.save_dir, name), found, first)
            progress.update()
        progress.finish()
