"""The scripts, one entry each: its description, what it writes, and what it needs for that.

torch is imported once the CRF processes have started: they must not inherit its threads. Hence the functions that
compute scores stand here by name, `module.function` of spml.inference.
"""

from importlib import import_module

from spml.commands.job import Job, Needs
from spml.commands.outputs import CLUSTERS, PROTOTYPES
from spml.commands.workers import Workers

CAMS = ("{}.npy",)
PROTOTYPE_PYRAMID = (0.5, 1, 1.5)


def _script(description, write, needs):
    """The main of a script: read the flags, start the CRF processes, then call write(job, workers)."""

    def main(argv=None):
        job = Job(argv, description, needs)
        with Workers(job.num_workers) as workers:
            write(job, workers)

    return main


def _masks(score, **options):
    """Masks by the named function (model, item) → class scores; options: of write_masks."""

    def write(job, workers):
        from spml.commands.driver import write_masks

        module, _, function = score.partition(".")
        score_function = getattr(import_module(f"spml.inference.{module}"), function)
        write_masks(job, workers, score_function, **options)

    return write


def _prototypes(**options):
    """Prototypes; options: of write_prototypes."""

    def write(job, _):
        from spml.commands.driver import write_prototypes

        write_prototypes(job, **options)

    return write


def _cams(job, _):
    from spml.inference.activation_maps import write_cams

    write_cams(job)


prototype = _script(
    "Prototypes of the segments of each image, labelled by the majority of their pixels.",
    _prototypes(scales=None, pictures=True),
    Needs(labels=True, results=PROTOTYPES + CLUSTERS),
)
prototype_msc = _script(
    "Prototypes of the segments of each image at three scales, labelled by the majority of their pixels.",
    _prototypes(scales=PROTOTYPE_PYRAMID),
    Needs(labels=True, results=PROTOTYPES),
)

inference = _script(
    "Segment by nearest prototypes.",
    _masks("scores.retrieval"),
    Needs(memory=True),
)
inference_crf = _script(
    "Segment by nearest prototypes, refined by a dense CRF.",
    _masks("scores.retrieval"),
    Needs(memory=True, crf=True),
)
inference_msc = _script(
    "Segment by nearest prototypes over five scales with flips.",
    _masks("scores.retrieval_pyramid"),
    Needs(memory=True),
)
inference_crf_msc = _script(
    "Segment by nearest prototypes over five scales with flips, refined by a dense CRF.",
    _masks("scores.retrieval_pyramid"),
    Needs(memory=True, crf=True),
)

inference_softmax = _script(
    "Segment by the classifier's soft-max.",
    _masks("scores.softmax"),
    Needs(classifier=True),
)
inference_softmax_crf = _script(
    "Segment by the classifier's soft-max, refined by a dense CRF.",
    _masks("scores.softmax"),
    Needs(classifier=True, crf=True),
)
inference_softmax_msc = _script(
    "Segment by the classifier's soft-max over five scales with flips.",
    _masks("scores.softmax_pyramid"),
    Needs(classifier=True),
)
inference_softmax_crf_msc = _script(
    "Segment by the classifier's soft-max over five scales with flips, refined by a dense CRF.",
    _masks("scores.softmax_pyramid"),
    Needs(classifier=True, crf=True),
)

pseudo_camrw_crf = _script(
    "Pseudo labels from image tags: CAMs spread by a random walk, refined by a dense CRF.",
    _masks("pseudo_labels.cam_walk"),
    Needs(cams=True, crf=True),
)
pseudo_softmaxrw_crf = _script(
    "Pseudo labels from boxes, scribbles or points: soft-max spread by a random walk, refined by a dense CRF.",
    _masks("pseudo_labels.softmax_walk"),
    Needs(labels=True, classifier=True, crf=True),
)
pseudo_softmax = _script(
    "Pseudo labels of the second round from image tags: soft-max at two scales spread by a random walk.",
    _masks("pseudo_labels.softmax_walk_pyramid"),
    Needs(labels=True, classifier=True),
)
pseudo_inference_crf_msc = _script(
    "Pseudo labels by nearest prototypes over four scales with flips, refined by a dense CRF.",
    _masks("pseudo_labels.retrieval_seeds"),
    Needs(labels=True, memory=True, crf=True),
)
pseudo_denseposerw_crf = _script(
    "Pseudo labels from points: nearest labelled segments spread by a random walk, refined by a dense CRF.",
    _masks("pseudo_labels.nearest_label_walk", keep_void=True),
    Needs(labels=True, instances=True, crf=True),
)

cam = _script(
    "Class activation maps of the classes that images are tagged with.",
    _cams,
    Needs(results=CAMS),
)
