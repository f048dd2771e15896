"""The inference scripts: masks by retrieval or by soft-max.

The scores are imported once the job is open: torch, which they need, is not for the processes of the CRF.
"""

from spml.commands.job import Argv, Needs, open_job


def inference(argv: Argv = None) -> None:
    """Segment by nearest prototypes."""
    with open_job(argv, inference, Needs(gallery=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import retrieval

        make_masks(job, retrieval)


def inference_crf(argv: Argv = None) -> None:
    """Segment by nearest prototypes, refined by a dense CRF."""
    with open_job(argv, inference_crf, Needs(gallery=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import retrieval

        make_masks(job, retrieval)


def inference_msc(argv: Argv = None) -> None:
    """Segment by nearest prototypes over five scales with flips."""
    with open_job(argv, inference_msc, Needs(gallery=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import retrieval_pyramid

        make_masks(job, retrieval_pyramid)


def inference_crf_msc(argv: Argv = None) -> None:
    """Segment by nearest prototypes over five scales with flips, refined by a dense CRF."""
    with open_job(argv, inference_crf_msc, Needs(gallery=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import retrieval_pyramid

        make_masks(job, retrieval_pyramid)


def inference_softmax(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max."""
    with open_job(argv, inference_softmax, Needs(classifier=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import softmax

        make_masks(job, softmax)


def inference_softmax_crf(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max, refined by a dense CRF."""
    with open_job(argv, inference_softmax_crf, Needs(classifier=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import softmax

        make_masks(job, softmax)


def inference_softmax_msc(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max over five scales with flips."""
    with open_job(argv, inference_softmax_msc, Needs(classifier=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import softmax_pyramid

        make_masks(job, softmax_pyramid)


def inference_softmax_crf_msc(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max over five scales with flips, refined by a dense CRF."""
    with open_job(argv, inference_softmax_crf_msc, Needs(classifier=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.scores import softmax_pyramid

        make_masks(job, softmax_pyramid)
