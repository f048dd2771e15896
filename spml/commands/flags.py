"""Command-line flags: what they are called, what they take, and which scripts share them."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from spml.errors import UserError
from spml.inference.crf_settings import CRF_ITERATIONS, CRF_WEIGHT, CRF_WIDTH

_Group = argparse._ArgumentGroup
_MOST_DIGITS = 18


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are UserErrors, and whose flags of type Path take no empty text."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", Path, lambda text: Path(filled(text)))

    def error(self, message: str) -> NoReturn:
        """A wrong command line as the UserError that ends the script."""
        raise UserError(f"{message}; --help lists the flags")


def filled(text: str) -> str:
    """A path that is not empty, as where a variable of the shell is not set; it would be the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("'', expected a path")
    return text


def titled(flag: str, pairs: Sequence[str]) -> dict[str, str]:
    """TITLE=PATH words as {title: path}, the title all before the first sign; raises UserError for other words."""
    found: dict[str, str] = {}
    for pair in pairs:
        title, _, path = pair.partition("=")
        if not title or not path or title in found:
            raise UserError(f"--{flag} {pair!r}: expected TITLE=PATH, each title once")
        found[title] = path
    return found


def grid(text: str) -> tuple[int, int]:
    """`H,W` as (H, W), two positive whole numbers."""
    try:
        rows, columns = (int(part) for part in text.split(","))
    except ValueError:
        rows = columns = 0
    if min(rows, columns) < 1:
        raise argparse.ArgumentTypeError(f"{text[:80]!r}, expected H,W, two positive whole numbers, like 12,12")
    return rows, columns


def whole_number(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"{text[:80]!r}, expected a whole number of at least 0")
    return int(text)


def number(flag: str, kind: type, low: float, high: float) -> Callable[[str], float]:
    """An argparse type: a number of this kind (int or float) from `low` to `high`; raises UserError for others."""

    def parse(text: str) -> float:
        """The number in a text."""
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise UserError(f"{flag} {text[:80]}: expected {kind.__name__} from {low:g} to {high:g}")
        return value

    return parse


def _common_parser(description: str, required: bool) -> tuple[Parser, _Group]:
    """A parser with the flags that all have, and its group of files; required: whether --snapshot_dir must be given."""
    parser = Parser(description=description, allow_abbrev=False)
    files = parser.add_argument_group("files")
    files.add_argument(
        "--cfg_path", type=filled, required=True, metavar="YAML", help="configuration of the recipe and stage"
    )
    files.add_argument("--data_dir", metavar="DIR", help="what the paths of a data list are relative to")
    files.add_argument("--data_list", metavar="TXT", help="one sample a line: image semantic instance")
    files.add_argument("--semantic_dir", metavar="DIR", help="DIR/ID.png replace the label column of the data list")
    files.add_argument(
        "--snapshot_dir",
        type=filled,
        required=required,
        metavar="DIR",
        help="where the snapshots model-{iteration}.pth lie",
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ...; by default cuda where there is one")
    parser.add_argument(
        "--opts", nargs="*", default=[], metavar="KEY VALUE", help="configuration keys that win over the YAML"
    )
    return parser, files


def training_parser(description: str = "Train as the configuration says.") -> Parser:
    """Flags of the training scripts."""
    return _common_parser(description, required=True)[0]


def inference_parser(description: str) -> Parser:
    """Flags of the inference, prototype and pseudo-label scripts; each script takes all and reads what it needs."""
    parser, files = _common_parser(description, required=False)
    files.add_argument("--snapshot", metavar="FILE", help="instead of SNAPSHOT_DIR/model-{train.max_iteration - 1}.pth")
    files.add_argument("--semantic_memory_dir", metavar="DIR", help="prototypes to retrieve from")
    files.add_argument("--cam_dir", metavar="DIR", help="class activation maps ID.npy")
    files.add_argument("--box_dir", metavar="DIR", help="boxes of objects, VOC XML files ID.xml of all or some images")
    files.add_argument("--class_names", metavar="TXT", help="names of the classes, for --box_dir (default: VOC's)")
    files.add_argument("--save_dir", type=filled, required=True, metavar="DIR", help="where results go")
    files.add_argument("--skip_existing", action="store_true", help="keep results that a run of equal settings left")
    segments = parser.add_argument_group("segments")
    segments.add_argument(
        "--kmeans_num_clusters", type=grid, metavar="H,W", help="initial grid; by default the configuration's"
    )
    segments.add_argument(
        "--label_divisor", type=whole_number, metavar="N", help="semantic label * N + instance label = one label"
    )
    _add_crf_flags(parser.add_argument_group("dense CRF"))
    return parser


def trained_parser(description: str) -> Parser:
    """Flags of the scripts for trained networks, which need no data list."""
    parser = Parser(description=description, allow_abbrev=False)
    files = parser.add_argument_group("trained networks")
    files.add_argument("--snapshot_dir", metavar="DIR", help="whose model-{train.max_iteration - 1}.pth is taken")
    files.add_argument("--snapshot", metavar="FILE", help="instead: this snapshot")
    files.add_argument("--cfg_path", metavar="YAML", help="by default the config_merged.yaml beside the snapshot")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ...; by default cuda where there is one")
    parser.add_argument(
        "--opts", nargs="*", default=[], metavar="KEY VALUE", help="configuration keys that win over the YAML"
    )
    return parser


def add_polygon_flags(group: _Group | Parser, min_pixels: int) -> None:
    """Add --tolerance and --min_pixels, whose default is given."""
    group.add_argument(
        "--tolerance",
        type=number("--tolerance", float, 0, 100),
        default=1.0,
        help="how far in pixels a border may be simplified; 0: not at all (default: %(default)s)",
    )
    group.add_argument(
        "--min_pixels",
        type=number("--min_pixels", int, 1, 10**6),
        default=min_pixels,
        help="smaller areas are left out (default: %(default)s)",
    )


def _add_crf_flags(group: _Group) -> None:
    flags = {
        "--crf_iter_max": (int, CRF_ITERATIONS, 10, "N", "mean-field iterations"),
        "--crf_pos_xy_std": (float, CRF_WIDTH, 1, "X", "smoothness: pixels"),
        "--crf_pos_w": (float, CRF_WEIGHT, 3, "X", "smoothness: weight"),
        "--crf_bi_xy_std": (float, CRF_WIDTH, 67, "X", "appearance: pixels"),
        "--crf_bi_w": (float, CRF_WEIGHT, 4, "X", "appearance: weight"),
        "--crf_bi_rgb_std": (float, CRF_WIDTH, 3, "X", "appearance: 8-bit colour"),
    }
    for flag, (kind, limits, default, metavar, text) in flags.items():
        group.add_argument(flag, type=number(flag, kind, *limits), default=default, metavar=metavar, help=text)
    group.add_argument(
        "--crf_present_only",
        action="store_true",
        help="leave out classes that no pixel scores: faster, nearly the same",
    )
    group.add_argument(
        "--also_without_crf",
        type=filled,
        metavar="DIR",
        help="where masks go as the script without _crf writes them, in one run",
    )
    group.add_argument(
        "--workers", type=whole_number, metavar="N", help="CRF processes; by default one a core, shared by the ranks"
    )
