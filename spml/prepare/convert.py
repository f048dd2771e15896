"""What every data-preparation script shares: flags, checks of their values, and converting many files."""

from functools import partial
from pathlib import Path

from spml.commands.flags import number
from spml.commands.pool import map_files
from spml.data.files import need_dir, visible_files
from spml.errors import UserError


def add_common_flags(parser):
    """Add the flags of every data-preparation script."""
    parser.add_argument(
        "--workers",
        type=number("--workers", int, 0, 1024),
        help="number of processes (0: no extra one; default: one a core)",
    )
    parser.add_argument("--skip_existing", action="store_true", help="leave outputs that exist as they are")


def need_files(folder, pattern, what):
    """The sorted files of a folder that match `pattern`; raises UserError naming `what` they are if there are none."""
    found = visible_files(need_dir(folder, what), pattern)
    if not found:
        raise UserError(f"{what} {folder}: no {pattern} files in there")
    return found


def convert(function, jobs, args, desc):
    """Call `function(source, targets)` for each (source, targets) job over --workers processes, and say how many.

    With --skip_existing, jobs whose targets all exist are left out. A job's function and source must be picklable.
    """
    jobs = list(jobs)
    todo = [job for job in jobs if not (args.skip_existing and all(Path(target).is_file() for target in job[1]))]
    for _ in map_files(partial(_call, function), todo, args.workers, desc):
        pass
    print(f"{desc}: {len(todo)} converted, {len(jobs) - len(todo)} already there")


def _call(function, job):
    function(*job)
