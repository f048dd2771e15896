"""The loop over images that all scripts share."""

import torch

from spml.data.labels import VOID
from spml.data.transforms import resize_label
from spml.inference.gallery import image_prototypes
from spml.inference.segmenter import load_model


def write_masks(job, workers, score, keep_void=False):
    """Write the mask of every image of a job.

    score: (model, item) → class scores K×h×w, at the image's or another resolution; workers: Workers for the CRF;
    keep_void: whether void pixels of the item's label stay void.
    """
    if not job.samples:
        return
    model = load_model(job)
    with job.progress() as bar, torch.inference_mode():
        workers.on_done = bar.update
        for item in job.items():
            scores = score(model, item)
            values = scores if job.crf else scores.argmax(0).byte()
            void = item.label == VOID if keep_void else None
            arguments = (item.id, item.pixels, values.cpu().numpy(), void)
            workers.submit(f"image {item.id}", job.outputs.finish_mask, *arguments)
        workers.finish()


def write_prototypes(job, scales, pictures=False):
    """Write the segment prototypes of every image of a job; pictures: and the segments, at one scale."""
    if not job.samples:
        return
    model = load_model(job)
    with job.progress() as bar, torch.inference_mode():
        for item in job.items():
            found = image_prototypes(model, item, scales)
            job.outputs.write_prototypes(item.id, found.prototype, found.label)
            if pictures:
                job.outputs.write_clusters(item.id, resize_label(found.segment, item.size))
            bar.set_postfix(segments=len(found.label), refresh=False)
            bar.update()
