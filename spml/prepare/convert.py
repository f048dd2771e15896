"""What every data-preparation script shares: flags, checks of their values, and converting many files."""

import logging
from argparse import Namespace
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from spml.commands.flags import Parser, number
from spml.commands.pool import map_files
from spml.data.files import need_dir, visible_files
from spml.errors import UserError

logger = logging.getLogger(__name__)

# No image of the data sets comes near it; a larger size in a file would only exhaust the memory.
MAX_SIDE = 10_000


def add_common_flags(parser: Parser) -> None:
    """Add the flags of every data-preparation script."""
    add_workers_flag(parser)
    parser.add_argument("--skip_existing", action="store_true", help="leave outputs that exist as they are")


def add_workers_flag(parser: Parser) -> None:
    """Add --workers."""
    parser.add_argument(
        "--workers",
        type=number("--workers", int, 0, 1024),
        help="number of processes (0: no extra one; default: one a core)",
    )


def add_class_names_flag(parser: Parser) -> None:
    """Add --class_names."""
    parser.add_argument("--class_names", type=Path, help="text file of class names, one a line (default: VOC's)")


def need_files(folder: str | Path, pattern: str, what: str) -> list[Path]:
    """The sorted files of a folder that match `pattern`; raises UserError naming `what` they are if there are none."""
    found = visible_files(need_dir(folder, what), pattern)
    if not found:
        raise UserError(f"{what} {folder}: no {pattern} files in there")
    return found


def convert(
    function: Callable[[Any, tuple[Path, ...]], None],
    jobs: Iterable[tuple[Any, tuple[Path, ...]]],
    args: Namespace,
    desc: str,
) -> None:
    """Call `function(source, targets)` for each (source, targets) job over --workers processes, and say how many.

    args: the parsed flags of `add_common_flags`. With --skip_existing, jobs whose targets all exist are left out. A
    job's function and source must be picklable.
    """
    jobs = list(jobs)
    todo = [job for job in jobs if not (args.skip_existing and all(target.is_file() for target in job[1]))]
    for _ in map_files(partial(_call, function), todo, args.workers, desc):
        pass
    logger.info("%s: %d converted, %d already there", desc, len(todo), len(jobs) - len(todo))


def _call(function: Callable[[Any, tuple[Path, ...]], None], job: tuple[Any, tuple[Path, ...]]) -> None:
    function(*job)
