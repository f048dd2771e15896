"""The inference scripts: masks by retrieval or by soft-max."""

from spml.commands.job import Argv, Needs, Script, open_job


def inference(argv: Argv = None) -> None:
    """Segment by nearest prototypes."""
    _segment(argv, inference, Needs(gallery=True))


def inference_crf(argv: Argv = None) -> None:
    """Segment by nearest prototypes, refined by a dense CRF."""
    _segment(argv, inference_crf, Needs(gallery=True, crf=True))


def inference_msc(argv: Argv = None) -> None:
    """Segment by nearest prototypes over five scales with flips."""
    _segment(argv, inference_msc, Needs(gallery=True), pyramid=True)


def inference_crf_msc(argv: Argv = None) -> None:
    """Segment by nearest prototypes over five scales with flips, refined by a dense CRF."""
    _segment(argv, inference_crf_msc, Needs(gallery=True, crf=True), pyramid=True)


def inference_softmax(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max."""
    _segment(argv, inference_softmax, Needs(classifier=True))


def inference_softmax_crf(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max, refined by a dense CRF."""
    _segment(argv, inference_softmax_crf, Needs(classifier=True, crf=True))


def inference_softmax_msc(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max over five scales with flips."""
    _segment(argv, inference_softmax_msc, Needs(classifier=True), pyramid=True)


def inference_softmax_crf_msc(argv: Argv = None) -> None:
    """Segment by the classifier's soft-max over five scales with flips, refined by a dense CRF."""
    _segment(argv, inference_softmax_crf_msc, Needs(classifier=True, crf=True), pyramid=True)


def _segment(argv: Argv, script: Script, needs: Needs, pyramid: bool = False) -> None:
    """Write masks by retrieval, where a gallery is needed, or by soft-max; pyramid: over scales and flips."""
    with open_job(argv, script, needs) as job:
        # Imported once the job is open: torch, which they need, is not for the processes of the CRF.
        from spml.commands.driver import make_masks
        from spml.inference.scores import retrieval, retrieval_pyramid, softmax, softmax_pyramid

        once, several = (retrieval, retrieval_pyramid) if needs.gallery else (softmax, softmax_pyramid)
        make_masks(job, several if pyramid else once)
