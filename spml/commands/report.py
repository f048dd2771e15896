"""The table that ends a recipe: mean IoU of each stage, read from the scores that the benchmark scripts wrote."""

import json
from pathlib import Path

from spml.commands.flags import Parser
from spml.data.files import write_text
from spml.errors import UserError


def read_score(path):
    """Mean IoU in % of a score file, None where it is not there; raises UserError where it is broken."""
    try:
        return float(json.loads(Path(path).read_text())["mean_iou"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a score file of the benchmark scripts ({error!r})") from None


def table(title, rows, published=()):
    """A Markdown table of (name, mean IoU or None) rows, then of published figures."""
    width = max(len(name) for name, _ in [("", 0), *rows, *published])
    lines = [f"| {title:<{width}} | mIoU % |", f"|{'-' * (width + 2)}|-------:|"]
    lines += [f"| {name:<{width}} | {'' if value is None else format(value, '.2f'):>6} |" for name, value in rows]
    lines += [f"| {name:<{width}} | {value:>6} |" for name, value in published]
    return "\n".join(lines)


def main(argv=None):
    """Print and save the table of a recipe."""
    parser = Parser(description=__doc__)
    parser.add_argument("--scores_dir", required=True, help="folder of NAME.json")
    parser.add_argument("--title", default="stage")
    parser.add_argument("--rows", nargs="+", required=True, metavar="NAME=TEXT", help="score file and the row's text")
    parser.add_argument("--published", nargs="*", default=[], metavar="TEXT=FIGURE", help="the authors' figures")
    parser.add_argument("--save", required=True, help="Markdown file to write")
    args = parser.parse_args(argv)
    for row in args.rows + args.published:
        if "=" not in row:
            raise UserError(f"--rows and --published: {row!r}, expected NAME=TEXT")
    rows = [row.split("=", 1) for row in args.rows]
    rows = [(text, read_score(Path(args.scores_dir) / f"{name}.json")) for name, text in rows]
    if all(value is None for _, value in rows):
        raise UserError(f"--scores_dir {args.scores_dir}: holds none of the scores {' '.join(args.rows)}")
    text = table(args.title, rows, [row.rsplit("=", 1) for row in args.published])
    write_text(args.save, text + "\n")
    print(text)
