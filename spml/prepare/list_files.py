"""Writing data lists, with a look at whether what they name is there."""

import logging
import os
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from spml.commands.flags import Parser
from spml.commands.pool import map_files
from spml.data.lists import write_list
from spml.errors import UserError, few_of
from spml.prepare.convert import add_common_flags

logger = logging.getLogger(__name__)

ListRow = tuple[str, ...]  # the 1 or 3 relative paths of a line


def add_list_flags(parser: Parser) -> None:
    """Add the flags of the scripts that write data lists."""
    parser.add_argument("--check", action="store_true", help="fail, and write nothing, if any file is missing")
    add_common_flags(parser)


def write_data_lists(lists: dict[str, list[ListRow]], args: Namespace) -> None:
    """Write {list file name: rows} to args.save_dir, warning of every file that is missing in args.data_dir.

    With args.check, missing files raise UserError instead and nothing is written; with args.skip_existing, lists that
    exist are left as they are.
    """
    wanted = {n: rows for n, rows in lists.items() if not (args.skip_existing and (args.save_dir / n).is_file())}
    find_missing = partial(_find_missing, data_dir=args.data_dir)
    missing = [line for found in map_files(find_missing, wanted.items(), args.workers, "lists") for line in found]
    if missing and args.check:
        raise UserError("; ".join(missing))
    for line in missing:
        logger.warning(line)
    for name, rows in wanted.items():
        write_list(args.save_dir / name, rows)
        logger.info("%s: %d images", args.save_dir / name, len(rows))


def _find_missing(named_rows: tuple[str, list[ListRow]], data_dir: Path) -> list[str]:
    return describe_missing(*named_rows, data_dir)


def describe_missing(list_name: str, rows: Sequence[ListRow], data_dir: str | Path) -> list[str]:
    """Warnings, one for each folder, about files that rows name and that are not there: how many, and the first few."""
    folders: dict[str, list[str]] = {}
    for path in dict.fromkeys(path for row in rows for path in row):
        folders.setdefault(str(Path(path).parent), []).append(path)
    warnings = []
    for folder, paths in folders.items():
        missing = [path for path in paths if not os.path.isfile(Path(data_dir) / path)]
        if missing:
            count = f"{len(missing)} of {len(paths)} files in {folder}"
            warnings.append(f"{list_name}: {count} are missing: {few_of(missing)}")
    return warnings
