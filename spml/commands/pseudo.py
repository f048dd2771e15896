"""The pseudo-label scripts: an entry names what it reads and its function of inference/pseudo_labels.py.

The scores are imported once the job is open: torch, which they need, is not for the processes of the CRF.
"""

from spml.commands.job import Argv, Needs, open_job


def pseudo_camrw_crf(argv: Argv = None) -> None:
    """Pseudo labels from image tags: CAMs spread by a random walk, refined by a dense CRF."""
    with open_job(argv, pseudo_camrw_crf, Needs(cams=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.pseudo_labels import cam_walk

        make_masks(job, cam_walk)


def pseudo_softmaxrw_crf(argv: Argv = None) -> None:
    """Pseudo labels from boxes, scribbles or points: soft-max spread by a random walk, refined by a dense CRF."""
    with open_job(argv, pseudo_softmaxrw_crf, Needs(labels=True, classifier=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.pseudo_labels import softmax_walk

        make_masks(job, softmax_walk)


def pseudo_softmax_crf(argv: Argv = None) -> None:
    """Pseudo labels by self-training: soft-max within the classes of label and tags, refined by a dense CRF."""
    with open_job(argv, pseudo_softmax_crf, Needs(labels=True, classifier=True, given_tags=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.pseudo_labels import softmax_within_label

        make_masks(job, softmax_within_label)


def pseudo_softmaxregion_crf(argv: Argv = None) -> None:
    """Pseudo labels from labels and regions: soft-max averaged over regions, labels kept, refined by a dense CRF."""
    needs = Needs(labels=True, instances=True, classifier=True, given_tags=True, given_boxes=True, crf=True)
    with open_job(argv, pseudo_softmaxregion_crf, needs) as job:
        from spml.commands.driver import make_masks
        from spml.inference.region_labels import softmax_regions

        make_masks(job, softmax_regions)


def pseudo_softmaxtag_crf(argv: Argv = None) -> None:
    """Pseudo labels from tags, boxes and regions: soft-max within them, averaged over regions, dense CRF."""
    needs = Needs(instances=True, classifier=True, tags=True, given_boxes=True, crf=True)
    with open_job(argv, pseudo_softmaxtag_crf, needs) as job:
        from spml.commands.driver import make_masks
        from spml.inference.region_labels import softmax_regions

        make_masks(job, softmax_regions)


def pseudo_softmax(argv: Argv = None) -> None:
    """Pseudo labels of the second round from image tags: soft-max at two scales spread by a random walk."""
    with open_job(argv, pseudo_softmax, Needs(labels=True, classifier=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.pseudo_labels import softmax_walk_pyramid

        make_masks(job, softmax_walk_pyramid)


def pseudo_inference_crf_msc(argv: Argv = None) -> None:
    """Pseudo labels by nearest prototypes over four scales with flips, refined by a dense CRF."""
    with open_job(argv, pseudo_inference_crf_msc, Needs(labels=True, gallery=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.pseudo_labels import retrieval_seeds

        make_masks(job, retrieval_seeds)


def pseudo_denseposerw_crf(argv: Argv = None) -> None:
    """Pseudo labels from points: nearest labelled segments spread by a random walk, refined by a dense CRF."""
    with open_job(argv, pseudo_denseposerw_crf, Needs(labels=True, instances=True, crf=True)) as job:
        from spml.commands.driver import make_masks
        from spml.inference.pseudo_labels import nearest_label_walk

        make_masks(job, nearest_label_walk, keep_void=True)
