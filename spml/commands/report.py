"""The table of a recipe: mean IoU of each stage so far, read from the scores that the benchmark scripts wrote."""

import logging
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from spml.commands.flags import Parser
from spml.commands.score_files import read_mean_iou
from spml.data.files import write_text
from spml.errors import UserError

logger = logging.getLogger(__name__)


def score_table(title: str, rows: Sequence[tuple[str, float]], published: Sequence[tuple[str, str]] = ()) -> str:
    """A Markdown table of (name, mean IoU in percent) rows, then of published figures."""
    width = max([0, *(len(name) for name, _ in [*rows, *published])])
    lines = [f"| {title:<{width}} | mIoU % |", f"|{'-' * (width + 2)}|-------:|"]
    lines += [f"| {name:<{width}} | {value:>6.2f} |" for name, value in rows]
    lines += [f"| {name:<{width}} | {figure:>6} |" for name, figure in published]
    return "\n".join(lines)


def report(argv: list[str] | None = None) -> None:
    """Show and save the table of a recipe."""
    args = _parse(argv)
    names = [_split(row, row.partition("="), "--rows", "NAME=TEXT") for row in args.rows]
    published = [_split(row, row.rpartition("="), "--published", "TEXT=FIGURE") for row in args.published]
    scores = [(text, read_mean_iou(Path(args.scores_dir) / f"{name}.json")) for name, text in names]
    rows = [(text, value) for text, value in scores if value is not None]
    if not rows:
        raise UserError(f"--scores_dir {args.scores_dir}: holds none of the scores {' '.join(args.rows)}")
    table = score_table(args.title, rows, published)
    write_text(args.save, table + "\n")
    logger.info(table)


def _split(row: str, parts: tuple[str, str, str], flag: str, form: str) -> tuple[str, str]:
    left, sign, right = parts
    if not sign:
        raise UserError(f"{flag} {row!r}: expected {form}")
    return left, right


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--scores_dir", required=True, help="folder of NAME.json")
    parser.add_argument("--title", default="stage")
    parser.add_argument(
        "--rows",
        nargs="+",
        required=True,
        metavar="NAME=TEXT",
        help="score file and the row's text; rows without a file are left out",
    )
    parser.add_argument("--published", nargs="*", default=[], metavar="TEXT=FIGURE", help="the authors' figures")
    parser.add_argument("--save", required=True, help="Markdown file to write")
    return parser.parse_args(argv)
