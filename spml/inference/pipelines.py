"""The scripts, each composed of what it reads, how it scores, and whether a CRF ends it.

torch is imported inside, after the CRF processes have started: they must not inherit its threads.
"""

from contextlib import contextmanager

from spml.inference.job import Job, Needs
from spml.inference.outputs import CLUSTERS, PROTOTYPES
from spml.inference.workers import Workers

CAMS = ("{}.npy",)
PROTOTYPE_PYRAMID = (0.5, 1, 1.5)


@contextmanager
def _start(argv, description, **needs):
    job = Job(argv, description, Needs(**needs))
    with Workers(job.num_workers) as workers:
        yield job, workers


def prototype(argv=None):
    """Prototypes of the segments of each image, labelled by the majority of their pixels."""
    with _start(argv, prototype.__doc__, labels=True, results=PROTOTYPES + CLUSTERS) as (job, _):
        from spml.inference.driver import write_prototypes

        write_prototypes(job, scales=None, pictures=True)


def prototype_msc(argv=None):
    """Prototypes of the segments of each image at three scales, labelled by the majority of their pixels."""
    with _start(argv, prototype_msc.__doc__, labels=True, results=PROTOTYPES) as (job, _):
        from spml.inference.driver import write_prototypes

        write_prototypes(job, PROTOTYPE_PYRAMID)


def inference(argv=None):
    """Segment by nearest prototypes."""
    with _start(argv, inference.__doc__, memory=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import retrieval

        write_masks(job, workers, retrieval)


def inference_crf(argv=None):
    """Segment by nearest prototypes, refined by a dense CRF."""
    with _start(argv, inference_crf.__doc__, memory=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import retrieval

        write_masks(job, workers, retrieval)


def inference_msc(argv=None):
    """Segment by nearest prototypes over five scales with flips."""
    with _start(argv, inference_msc.__doc__, memory=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import retrieval_pyramid

        write_masks(job, workers, retrieval_pyramid)


def inference_crf_msc(argv=None):
    """Segment by nearest prototypes over five scales with flips, refined by a dense CRF."""
    with _start(argv, inference_crf_msc.__doc__, memory=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import retrieval_pyramid

        write_masks(job, workers, retrieval_pyramid)


def inference_softmax(argv=None):
    """Segment by the classifier's soft-max."""
    with _start(argv, inference_softmax.__doc__, classifier=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import softmax

        write_masks(job, workers, softmax)


def inference_softmax_crf(argv=None):
    """Segment by the classifier's soft-max, refined by a dense CRF."""
    with _start(argv, inference_softmax_crf.__doc__, classifier=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import softmax

        write_masks(job, workers, softmax)


def inference_softmax_msc(argv=None):
    """Segment by the classifier's soft-max over five scales with flips."""
    with _start(argv, inference_softmax_msc.__doc__, classifier=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import softmax_pyramid

        write_masks(job, workers, softmax_pyramid)


def inference_softmax_crf_msc(argv=None):
    """Segment by the classifier's soft-max over five scales with flips, refined by a dense CRF."""
    with _start(argv, inference_softmax_crf_msc.__doc__, classifier=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.scores import softmax_pyramid

        write_masks(job, workers, softmax_pyramid)


def pseudo_camrw_crf(argv=None):
    """Pseudo labels from image tags: CAMs spread by a random walk, refined by a dense CRF."""
    with _start(argv, pseudo_camrw_crf.__doc__, cams=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.pseudo_labels import cam_walk

        write_masks(job, workers, cam_walk)


def pseudo_softmaxrw_crf(argv=None):
    """Pseudo labels from boxes, scribbles or points: soft-max spread by a random walk, refined by a dense CRF."""
    with _start(argv, pseudo_softmaxrw_crf.__doc__, labels=True, classifier=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.pseudo_labels import softmax_walk

        write_masks(job, workers, softmax_walk)


def pseudo_softmax(argv=None):
    """Pseudo labels of the second round from image tags: soft-max at two scales spread by a random walk."""
    with _start(argv, pseudo_softmax.__doc__, labels=True, classifier=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.pseudo_labels import softmax_walk_pyramid

        write_masks(job, workers, softmax_walk_pyramid)


def pseudo_inference_crf_msc(argv=None):
    """Pseudo labels by nearest prototypes over four scales with flips, refined by a dense CRF."""
    with _start(argv, pseudo_inference_crf_msc.__doc__, labels=True, memory=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.pseudo_labels import retrieval_seeds

        write_masks(job, workers, retrieval_seeds)


def pseudo_denseposerw_crf(argv=None):
    """Pseudo labels from points: nearest labelled segments spread by a random walk, refined by a dense CRF."""
    with _start(argv, pseudo_denseposerw_crf.__doc__, labels=True, instances=True, crf=True) as (job, workers):
        from spml.inference.driver import write_masks
        from spml.inference.pseudo_labels import nearest_label_walk

        write_masks(job, workers, nearest_label_walk, keep_void=True)


def cam(argv=None):
    """Class activation maps of the classes that images are tagged with."""
    with _start(argv, cam.__doc__, results=CAMS) as (job, _):
        from spml.inference.cam_maps import write_cams

        write_cams(job)
