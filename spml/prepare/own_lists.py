"""Lists of one's own photographs: which train, which need seeds, and where there is truth, which are for validation."""

import logging
import math
from argparse import Namespace
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser
from spml.commands.pool import map_files
from spml.data.class_names import read_class_names
from spml.data.files import need_dir, read_label, read_text, visible_files, write_text
from spml.data.lists import listed_ids
from spml.data.tag_files import need_tags_of, read_tags
from spml.data.voc_xml import read_boxes
from spml.errors import UserError, first_of
from spml.prepare.convert import add_background_flag, add_seed_flag, add_workers_flag, first_tag_of

logger = logging.getLogger(__name__)

VAL_SHARE = 0.2  # of the annotated images, at most, when these are taken for validation
LITTLE_TRUTH = 0.1  # of the pixels, on which dots and strokes might be drawn


def choose_validation(annotated: Sequence[str], truth: Sequence[str], seed: int) -> set[str]:
    """The images that are for validation: all with truth alone, and some of those that are annotated too.

    Annotated ones are drawn until a fifth of their number are for validation in all. None of these is trained on.
    """
    alone, both = sorted(set(truth) - set(annotated)), sorted(set(truth) & set(annotated))
    count = min(len(both), max(0, math.ceil(VAL_SHARE * len(annotated)) - len(alone)))
    drawn = np.random.default_rng(seed).permutation(len(both))[:count]
    return {*alone, *(both[place] for place in drawn)}


def lacks_labels(tagged: tuple[str, tuple[int, ...]], prepared_dir: Path, class_names: Sequence[str]) -> bool:
    """Whether the tags (id, classes) of an image name a class that neither its label map shows nor a box is of."""
    name, tags = tagged
    missing = {*tags} - {*np.unique(read_label(prepared_dir / f"labels/{name}.png")).tolist()}
    xml = prepared_dir / f"boxes/{name}.xml"
    if missing and xml.is_file():
        missing -= {box.class_id for box in read_boxes(xml, class_names)[1]}
    return bool(missing)


def own_lists(argv: list[str] | None = None) -> None:
    """Write the lists, and say how many images each names."""
    args = _parse(argv)
    annotated, images = (_lines(args.prepared_dir / f"{name}.txt") for name in ("train", "images"))
    names = read_class_names(args.prepared_dir / "classes.txt")
    truth = _truth_of(args, images, len(names)) if args.truth_dir else []
    val = choose_validation(list(annotated), truth, args.seed)
    train = [name for name in annotated if name not in val]
    if not train:
        raise UserError(
            f"{args.prepared_dir / 'train.txt'}: all {len(annotated)} annotated photographs have truth and are for "
            "validation, none is left to train on; annotate more, or remove the truth of some"
        )
    first = first_tag_of(args, names)
    tags = read_tags(args.prepared_dir / "tags.txt", len(names), first)
    need_tags_of(tags, annotated, args.prepared_dir / "tags.txt")
    _speak_of_lost(annotated, train, tags, names)
    seeds = _needing_seeds(args, {name: tags[name] for name in train}, names)
    _speak_of_absent(tags, names, first)
    if first and not seeds:  # whose activation maps would say where the background is
        _speak_of_background(args, train, names)
    known = set(truth)
    lists = {
        "train.txt": [annotated[name] for name in train],
        "seeds.txt": [annotated[name] for name in seeds],
        "val.txt": [images[name] for name in images if name in val],
        "train_truth.txt": [images[name] for name in train if name in known],
    }
    for name, lines in lists.items():
        write_text(args.save_dir / name, "".join(f"{line}\n" for line in lines))
    logger.info("to train on: %d, of which %d have classes that only tags name", len(train), len(seeds))
    if truth:
        both = len(val & annotated.keys())
        logger.info("for validation: %d, of which %d are annotated too and not trained on", len(val), both)


def _speak_of_lost(
    annotated: Iterable[str], train: Iterable[str], tags: dict[str, tuple[int, ...]], names: Sequence[str]
) -> None:
    """Warn of classes all of whose labelled photographs are for validation."""
    every, left = ({label for name in images for label in tags[name]} for images in (annotated, train))
    if lost := ", ".join(names[label] for label in sorted(every - left)):
        logger.warning("no labels to train on, but in photographs for validation: %s", lost)


def _speak_of_absent(tags: dict[str, tuple[int, ...]], names: Sequence[str], first: int) -> None:
    """Warn of classes that nothing speaks of; first: the first class that counts as a tag."""
    named = {label for labels in tags.values() for label in labels}
    absent = [name for label, name in enumerate(names) if label >= first and label not in named]
    if absent:
        logger.warning("no label, box or tag of %s: no mask will show it", ", ".join(absent))


def _speak_of_background(args: Namespace, train: Sequence[str], names: Sequence[str]) -> None:
    """Warn of a background that neither labels show nor boxes are amid."""
    if any((args.prepared_dir / "boxes").glob("*.xml")):
        return
    labels = [args.prepared_dir / f"labels/{name}.png" for name in train]
    if not any([*map_files(partial(share_of_classes, num_classes=1), labels, args.workers)]):
        logger.warning("nothing says what is %s: masks may show objects alone; label some of it", names[0])


def _lines(path: Path) -> dict[str, str]:
    """The lines of a data list by the ids of their images."""
    lines = [line for line in read_text(path, "data list").splitlines() if line.strip()]
    return dict(zip(listed_ids(path), lines, strict=True))


def share_of_classes(path: Path, num_classes: int) -> float:
    """The share of a mask's pixels that are of the first `num_classes` classes."""
    return float((read_label(path) < num_classes).mean())


def _truth_of(args: Namespace, images: Iterable[str], num_classes: int) -> list[str]:
    """The images whose true masks --truth_dir holds; masks in which no pixel is of a class are none, and named."""
    there = {path.stem: path for path in visible_files(need_dir(args.truth_dir, "--truth_dir"), "*.png")}
    found = [name for name in images if name in there]
    share_of = partial(share_of_classes, num_classes=num_classes)
    shares = [*map_files(share_of, [there[name] for name in found], args.workers)]
    empty = {name for name, share in zip(found, shares, strict=True) if not share}
    if empty:
        logger.warning("truth in which no pixel is of a class, left out: %s", first_of(sorted(empty)))
    if not set(found) - empty:
        raise UserError(f"--truth_dir {args.truth_dir}: holds no ID.png of a photograph with a pixel of a class")
    share = sum(shares) / (len(shares) - len(empty))
    if share < LITTLE_TRUTH:
        logger.warning(
            "truth is of classes on %.1f %% of its pixels: are these masks, or are annotations and truth swapped?",
            100 * share,
        )
    return [name for name in found if name not in empty]


def _needing_seeds(args: Namespace, tags: dict[str, tuple[int, ...]], names: Sequence[str]) -> list[str]:
    """The images, of those with their tags, that lack labels and boxes of their own classes."""
    lacks = partial(lacks_labels, prepared_dir=args.prepared_dir, class_names=names)
    return [name for name, lack in zip(tags, map_files(lacks, tags.items(), args.workers), strict=True) if lack]


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="Lists to train on and to validate with, of what annotations.py wrote")
    parser.add_argument("--prepared_dir", type=Path, required=True, help="what annotations.py wrote")
    parser.add_argument("--truth_dir", type=Path, help="true masks ID.png of some photographs")
    parser.add_argument("--save_dir", type=Path, required=True, help="where to write the lists")
    add_seed_flag(parser, "images for validation")
    add_background_flag(parser)
    add_workers_flag(parser)
    return parser.parse_args(argv)
