"""The two benchmark scripts: score a folder of masks against a folder of truth."""

import logging
from argparse import Namespace
from collections.abc import Sequence
from functools import partial

import numpy as np

from spml.commands.flags import Parser, number, whole_number
from spml.commands.mask_files import MaskFiles, count_unscored, find_masks, read_pair, read_triple
from spml.commands.pool import map_files
from spml.commands.score_files import write_scores
from spml.data.class_names import read_class_names
from spml.data.files import read_label
from spml.data.labels import UNLABELLED
from spml.data.lists import listed_ids
from spml.errors import UserError
from spml.evaluation.confusion import class_scores, confusion_matrix
from spml.evaluation.instances import instance_scores, weighted_iou

logger = logging.getLogger(__name__)

LOOKED_AT = 50  # masks, spread over all


def benchmark_by_mIoU(argv: list[str] | None = None) -> None:
    """Score masks by mean intersection over union: one confusion matrix over all images."""
    parser = _parser("Score masks by mIoU over classes.", instances=False)
    parser.add_argument(
        "--leave_out_absent", action="store_true", help="leave classes that the truth never shows out of the mean"
    )
    args = parser.parse_args(argv)
    masks, names = _masks_of(args), _names_of(args)
    _warn_of_more_classes(masks, args.num_classes)
    scores = class_scores(count_pixels(masks, args.num_classes, args.workers), len(masks), args.leave_out_absent)
    shown = ["" if label in scores.left_out else f"{value:.2f}" for label, value in enumerate(scores.iou)]
    _show_table(names, {"IoU %": shown})
    if scores.left_out:
        logger.info("left out of the mean, not in the truth: %s", ", ".join(names[i] for i in scores.left_out))
    logger.info("images: %d", scores.images)
    logger.info("pixel accuracy: %.2f %%", 100 * scores.pixel_accuracy)
    logger.info("mean IoU: %.2f %%", scores.mean_iou)
    if args.json:
        write_scores(args.json, scores, names)


def benchmark_by_instance(argv: list[str] | None = None) -> None:
    """Score masks by instances: each image's IoU of a class weighted by its number of instances of that class."""
    args = _parser("Score masks by IoU weighted by instances.", instances=True).parse_args(argv)
    masks, names = _masks_of(args), _names_of(args)
    scores = instance_scores(*count_instances(masks, args.num_classes, args.workers), len(masks))
    counts = [str(count) for count in scores.instances]
    _show_table(names, {"instances": counts, "IoU %": [f"{value:.2f}" for value in scores.iou]})
    logger.info("images: %d", scores.images)
    logger.info("over all instances: %.2f %%", scores.instance_iou)
    logger.info("mean IoU: %.2f %%", scores.mean_iou)
    if args.json:
        write_scores(args.json, scores, names)


def _warn_of_more_classes(masks: Sequence[MaskFiles], num_classes: int) -> None:
    """Warn where one of a few masks holds a class beyond the number that is scored."""
    for files in masks[:: -(-len(masks) // LOOKED_AT)]:
        label = read_label(files.prediction)
        beyond = label[(label >= num_classes) & (label < UNLABELLED)]
        if beyond.size:
            logger.warning(
                "%s: holds class %d, --num_classes is %d; is that right?", files.prediction, beyond.max(), num_classes
            )
            return


def count_pixels(masks: Sequence[MaskFiles], num_classes: int, workers: int | None = None) -> np.ndarray:
    """Confusion matrix [K, K + 1] over all images; raises UserError where the truth has no pixel of any class."""
    matrix = np.zeros((num_classes, num_classes + 1), np.int64)
    for part in map_files(partial(_matrix_of, num_classes=num_classes), masks, workers, "scoring"):
        matrix += part
    if not matrix.any():
        raise UserError(f"{masks[0].truth}: no pixel of classes 0..{num_classes - 1}, nor in any other truth")
    return matrix


def _matrix_of(files: MaskFiles, num_classes: int) -> np.ndarray:
    return confusion_matrix(*read_pair(files), num_classes)


def count_instances(
    masks: Sequence[MaskFiles], num_classes: int, workers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted IoU summed a class, in percent [K], and the number of instances [K], over all images.

    Raises UserError where no instance has a class.
    """
    total, count = np.zeros(num_classes), np.zeros(num_classes, np.int64)
    for scored, counted in map_files(partial(_instances_of, num_classes=num_classes), masks, workers, "scoring"):
        total, count = total + scored, count + counted
    if not count.any():
        raise UserError(f"{masks[0].instances}: no instance of classes 0..{num_classes - 1}, nor in any other image")
    return total, count


def _instances_of(files: MaskFiles, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    return weighted_iou(*read_triple(files), num_classes)


def _masks_of(args: Namespace) -> list[MaskFiles]:
    ids = listed_ids(args.data_list) if args.data_list else None
    masks = find_masks(args.pred_dir, args.gt_dir, getattr(args, "inst_dir", None), args.string_replace, ids)
    unscored = 0 if ids else count_unscored(masks, args.gt_dir)
    if unscored:
        logger.warning("%d masks in %s have no prediction; --data_list checks for them", unscored, args.gt_dir)
    return masks


def _names_of(args: Namespace) -> list[str]:
    if args.class_names:
        return list(read_class_names(args.class_names, args.num_classes))
    return [str(index) for index in range(args.num_classes)]


def _show_table(names: Sequence[str], columns: dict[str, list[str]]) -> None:
    width = max(len("class"), *map(len, names))
    logger.info("".join([f"{'class':<{width}}", *(f"  {title:>9}" for title in columns)]))
    for name, *values in zip(names, *columns.values(), strict=True):
        logger.info("".join([f"{name:<{width}}", *(f"  {value:>9}" for value in values)]))


def _parser(description: str, instances: bool) -> Parser:
    parser = Parser(description=description)
    parser.add_argument("--pred_dir", required=True, help="folder of predicted masks (.png, searched recursively)")
    parser.add_argument("--gt_dir", required=True, help="folder of true masks, laid out like --pred_dir")
    if instances:
        parser.add_argument("--inst_dir", required=True, help="folder of instance masks, laid out like --pred_dir")
    kind = number("--num_classes", int, 1, 254)
    parser.add_argument("--num_classes", type=kind, default=21, help="number of classes, a background included")
    parser.add_argument("--string_replace", default="", metavar="A,B", help="replace A by B in the path of the truth")
    parser.add_argument("--data_list", metavar="FILE", help="score the images of this list, and miss none of them")
    parser.add_argument("--class_names", metavar="FILE", help="names for the table, one a line")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    parser.add_argument("--workers", type=whole_number, metavar="N", help="processes; by default one a core")
    return parser
