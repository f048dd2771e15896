"""The prototype scripts: what inference retrieves from."""

from spml.commands.job import Argv, Needs, open_job
from spml.commands.mask_outputs import CLUSTERS, PROTOTYPES


def prototype(argv: Argv = None) -> None:
    """Prototypes of the segments of each image, labelled by the majority of their pixels."""
    with open_job(argv, prototype, Needs(labels=True, results=PROTOTYPES + CLUSTERS)) as job:
        from spml.commands.driver import make_prototypes
        from spml.inference.labelled_prototypes import image_prototypes

        make_prototypes(job, image_prototypes, pictures=True)


def prototype_msc(argv: Argv = None) -> None:
    """Prototypes of the segments of each image at three scales, labelled by the majority of their pixels."""
    with open_job(argv, prototype_msc, Needs(labels=True, results=PROTOTYPES)) as job:
        from spml.commands.driver import make_prototypes
        from spml.inference.labelled_prototypes import prototype_pyramid

        make_prototypes(job, prototype_pyramid)
