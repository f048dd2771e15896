"""What every data-preparation script shares: flags, checks of their values, and converting many files."""

import logging
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from spml.commands.flags import Parser, number
from spml.commands.pool import map_files
from spml.data.class_names import has_background, later_background
from spml.data.files import find_images, need_dir, visible_files
from spml.data.labels import NO_BACKGROUND
from spml.data.lists import listed_ids
from spml.data.whole_files import is_whole
from spml.errors import UserError, first_of
from spml.prepare.provenance import PROVENANCE_NAME, Provenance

logger = logging.getLogger(__name__)

Conversion = tuple[Any, tuple[Path, ...]]  # what is converted, and the files that it becomes
Write = Callable[[Any, tuple[Path, ...]], None]


def add_common_flags(parser: Parser) -> None:
    """Add the flags of every data-preparation script."""
    add_workers_flag(parser)
    parser.add_argument(
        "--skip_existing",
        action="store_true",
        help="leave outputs that exist as they are; refused where they were made with other settings",
    )


def add_workers_flag(parser: Parser) -> None:
    """Add --workers."""
    parser.add_argument(
        "--workers",
        type=number("--workers", int, 0, 1024),
        help="number of processes (0: no extra one; default: one a core)",
    )


def add_seed_flag(parser: Parser, what: str) -> None:
    """Add --seed, which decides `what` is drawn at random."""
    parser.add_argument(
        "--seed",
        type=number("--seed", int, 0, 2**31),
        default=0,
        help=f"the same seed gives the same {what} (default: %(default)s)",
    )


def add_class_names_flag(parser: Parser) -> None:
    """Add --class_names."""
    parser.add_argument("--class_names", type=Path, help="text file of class names, one a line (default: VOC's)")


def add_background_flag(parser: Parser) -> None:
    """Add --background."""
    parser.add_argument(
        "--background",
        choices=("0", NO_BACKGROUND),
        help="the class that is no tag; none: every class is one (default: 0 if the first class is called background)",
    )


def first_tag_of(args: Namespace, class_names: Sequence[str]) -> int:
    """The first class that counts as a tag: 0 without a background, by --background or else by the classes' names."""
    if args.background is not None:
        return 0 if args.background == NO_BACKGROUND else 1
    if has_background(class_names):
        return 1
    if later := later_background(class_names):
        logger.warning(
            "%s is class %d and counts as a tag; put it first in the class names, or say --background none",
            later,
            class_names.index(later),
        )
    else:
        logger.info("%s, class 0, is not called background: every class counts as a tag", class_names[0])
    return 0


def add_image_flags(parser: Parser) -> None:
    """Add --image_dir, --data_list and --image_size: which images are worked on, and how large."""
    parser.add_argument("--image_dir", type=Path, required=True, help="folder of the images")
    parser.add_argument("--data_list", type=Path, help="only the images that this data list names, by their ids")
    parser.add_argument(
        "--image_size",
        type=number("--image_size", int, 0, 100_000),
        default=0,
        help="work with the longest side shrunk to this, 0 = as it is (default: %(default)s)",
    )


def chosen_images(args: Namespace) -> list[Path]:
    """The images of --image_dir, those of --data_list where it is given.

    Raises UserError where the folder holds none, or not all that are listed.
    """
    images = find_images(args.image_dir, "--image_dir")
    if args.data_list is None:
        return images
    by_id, ids = {path.stem: path for path in images}, listed_ids(args.data_list)
    missing = [name for name in ids if name not in by_id]
    if missing:
        raise UserError(f"--data_list {args.data_list}: {first_of(missing)} not found in --image_dir {args.image_dir}")
    return [by_id[name] for name in ids]


def shrunk_size(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Height and width with the longest side shrunk to so many pixels, 0 for as it is; images are never enlarged."""
    ratio = longest_side / max(size)
    return (max(1, round(ratio * size[0])), max(1, round(ratio * size[1]))) if 0 < ratio < 1 else size


def need_files(folder: str | Path, pattern: str, what: str) -> list[Path]:
    """The sorted files of a folder that match `pattern`; raises UserError naming `what` they are if there are none."""
    found = visible_files(need_dir(folder, what), pattern)
    if not found:
        raise UserError(f"{what} {folder}: no {pattern} files in there")
    return found


def named_source(name: str, *places: tuple[Path | None, str]) -> tuple[Any, ...]:
    """What is converted of an image: its name, and the files that are called so, of (folder or None, ending) each."""
    return name, *(folder / f"{name}{ending}" for folder, ending in places if folder is not None)


def convert(write: Write, jobs: Iterable[Conversion], args: Namespace, desc: str, settings: dict[str, Any]) -> None:
    """Call `write(source, targets)` for each (source, targets) job over --workers processes, and say how many.

    args: the parsed flags of `add_common_flags`; settings: plain data that decide what is written, recorded beside it.
    With --skip_existing, jobs whose targets all exist are left out, unless their source is, or names in a tuple, a file
    that has changed since; raises UserError where those were made with other settings. What has no record comes from
    elsewhere and is left. Function and sources must be picklable.
    """
    jobs, provenance = list(jobs), Provenance(settings)
    folders = {target.parent for _, targets in jobs for target in targets}
    if args.skip_existing:
        folders = _own(folders, jobs)
        todo = _missing(jobs, folders)
    else:
        todo = jobs
    for folder in folders:
        (provenance.refuse_others if args.skip_existing else provenance.begin_anew)(folder)
    for _ in map_files(partial(_call, write, provenance, folders), todo, args.workers, desc):
        pass
    made = {target for _, targets in jobs for target in targets}
    for folder in folders:
        provenance.finish(folder, made)
    logger.info("%s: %d converted, %d already there", desc, len(todo), len(jobs) - len(todo))


def _missing(jobs: list[Conversion], own: set[Path]) -> list[Conversion]:
    """Jobs of which a target is missing or, in a folder of our own, older than a file that it is made of."""
    return [
        (source, targets)
        for source, targets in jobs
        if not all(is_whole(path) and not (path.parent in own and _is_older(path, source)) for path in targets)
    ]


def _is_older(target: Path, source: Any) -> bool:
    files = [path for path in (source if isinstance(source, tuple) else (source,)) if isinstance(path, Path)]
    return any(path.is_file() and path.stat().st_mtime_ns > target.stat().st_mtime_ns for path in files)


def _own(folders: set[Path], jobs: list[Conversion]) -> set[Path]:
    """The folders without files from elsewhere: those with a record, and those without outputs."""
    filled = {target.parent for _, targets in jobs for target in targets if target.is_file()}
    return {folder for folder in folders if folder not in filled or (folder / PROVENANCE_NAME).is_file()}


def _call(write: Write, provenance: Provenance, folders: set[Path], job: Conversion) -> None:
    write(*job)
    provenance.record(folders & {target.parent for target in job[1]})
