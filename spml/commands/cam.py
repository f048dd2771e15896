"""The CAM script."""

from spml.commands.job import Argv, Needs, open_job
from spml.commands.mask_outputs import CAMS


def cam(argv: Argv = None) -> None:
    """Class activation maps of tagged images, in the file format of the published CAMs."""
    with open_job(argv, cam, Needs(tags=True, results=CAMS)) as job:
        from spml.commands.driver import make_cams

        make_cams(job, job.tags or {})
