"""Writing data lists, with a look at whether what they name is there."""

import sys
from functools import partial

from spml.commands.pool import map_files
from spml.data.lists import write_list
from spml.errors import UserError
from spml.prepare.convert import add_common_flags
from spml.prepare.splits import describe_missing


def add_list_flags(parser):
    """Add the flags of the scripts that write data lists."""
    parser.add_argument("--check", action="store_true", help="fail, and write nothing, if any file is missing")
    add_common_flags(parser)


def write_lists(lists, args):
    """Write {list file name: rows} to args.save_dir, warning on stderr of every file that is missing in args.data_dir.

    With args.check, missing files raise UserError instead and nothing is written; with args.skip_existing, lists that
    exist are left as they are.
    """
    lists = {
        name: rows for name, rows in lists.items() if not (args.skip_existing and (args.save_dir / name).is_file())
    }
    find_missing = partial(_find_missing, data_dir=args.data_dir)
    missing = [line for found in map_files(find_missing, lists.items(), args.workers, "lists") for line in found]
    if missing and args.check:
        raise UserError("; ".join(missing))
    for line in missing:
        warn(line)
    for name, rows in lists.items():
        write_list(args.save_dir / name, rows)
        print(f"{args.save_dir / name}: {len(rows)} images")


def warn(line):
    """Print a warning on stderr."""
    print(f"warning: {line}", file=sys.stderr)


def _find_missing(named_rows, data_dir):
    return describe_missing(*named_rows, data_dir)
