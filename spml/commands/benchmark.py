"""The two benchmark scripts: score a folder of masks against a folder of truth."""

import json
import sys
from functools import partial

from spml.commands.flags import Parser, whole_number
from spml.commands.mask_files import count_unscored, find_masks, read_class_names, read_ids, read_pair, read_triple
from spml.commands.pool import map_files
from spml.data.files import write_text
from spml.errors import UserError
from spml.evaluation.confusion import confusion_matrix, iou, mean_iou, pixel_accuracy
from spml.evaluation.instances import instance_scores


def score_masks(masks, num_classes, workers=None):
    """Confusion matrix [K, K + 1] over all images; raises UserError where the truth has no pixel of any class."""
    matrix = sum(map_files(partial(_matrix_of, num_classes=num_classes), masks, workers, "scoring"))
    if not matrix.any():
        raise UserError(f"{masks[0].truth}: no pixel of classes 0..{num_classes - 1}, nor in any other truth")
    return matrix


def _matrix_of(masks, num_classes):
    return confusion_matrix(*read_pair(masks), num_classes)


def score_instances(masks, num_classes, workers=None):
    """Instances' scores summed a class, in percent [K], and the number of instances [K], over all images.

    Raises UserError where no instance has a class.
    """
    scores = map_files(partial(_instances_of, num_classes=num_classes), masks, workers, "scoring")
    total, count = (sum(parts) for parts in zip(*scores, strict=True))
    if not count.any():
        raise UserError(f"{masks[0].instances}: no instance of classes 0..{num_classes - 1}, nor in any other image")
    return total, count


def _instances_of(masks, num_classes):
    return instance_scores(*read_triple(masks), num_classes)


def class_report(matrix, images):
    """The figures of a confusion matrix as plain numbers: IoU in percent, pixel accuracy in 0..1."""
    return {
        "mean_iou": mean_iou(matrix),
        "iou": iou(matrix).tolist(),
        "pixel_accuracy": pixel_accuracy(matrix),
        "images": images,
    }


def instance_report(total, count, images):
    """The figures of instance scores, in percent: each class's, their mean (absent ones 0), and over all instances."""
    scores = total / count.clip(1)
    return {
        "mean_iou": float(scores.mean()),
        "iou": scores.tolist(),
        "instance_iou": float(total.sum() / count.sum()),
        "instances": count.tolist(),
        "images": images,
    }


def _parser(description, instances):
    parser = Parser(description=description)
    parser.add_argument("--pred_dir", required=True, help="folder of predicted masks (.png, searched recursively)")
    parser.add_argument("--gt_dir", required=True, help="folder of true masks, laid out like --pred_dir")
    if instances:
        parser.add_argument("--inst_dir", required=True, help="folder of instance masks, laid out like --pred_dir")
    parser.add_argument("--num_classes", type=int, default=21, help="number of classes, background included")
    parser.add_argument("--string_replace", default="", metavar="A,B", help="replace A by B in the path of the truth")
    parser.add_argument("--data_list", metavar="FILE", help="score the images of this list, and miss none of them")
    parser.add_argument("--class_names", metavar="FILE", help="names for the table, one a line")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    parser.add_argument("--workers", type=whole_number, metavar="N", help="processes; by default one a core")
    return parser


def _prepare(args):
    if not 1 <= args.num_classes <= 254:
        raise UserError(f"--num_classes {args.num_classes}: expected 1..254")
    ids = read_ids(args.data_list) if args.data_list else None
    masks = find_masks(args.pred_dir, args.gt_dir, getattr(args, "inst_dir", None), args.string_replace, ids)
    unscored = 0 if ids else count_unscored(masks, args.gt_dir)
    if unscored:
        print(
            f"note: {unscored} masks in {args.gt_dir} have no prediction; --data_list checks for them", file=sys.stderr
        )
    numbers = [str(index) for index in range(args.num_classes)]
    return masks, read_class_names(args.class_names, args.num_classes) if args.class_names else numbers


def _print_table(names, columns, summary):
    width = max(len("class"), *map(len, names))
    print("".join([f"{'class':<{width}}", *(f"  {title:>9}" for title in columns)]))
    for row in zip(names, *columns.values(), strict=True):
        print("".join([f"{row[0]:<{width}}", *(f"  {value:>9}" for value in row[1:])]))
    for title, value in summary.items():
        print(f"{title}: {value}")


def _finish(report, json_path):
    if json_path:
        write_text(json_path, json.dumps(report, indent=2) + "\n")


def main_miou(argv=None):
    """Score masks by mean intersection over union: one confusion matrix over all images."""
    args = _parser("Score masks by mIoU over classes.", instances=False).parse_args(argv)
    masks, names = _prepare(args)
    report = class_report(score_masks(masks, args.num_classes, args.workers), len(masks))
    _print_table(
        names,
        {"IoU %": [f"{value:.2f}" for value in report["iou"]]},
        {
            "images": report["images"],
            "pixel accuracy": f"{100 * report['pixel_accuracy']:.2f} %",
            "mean IoU": f"{report['mean_iou']:.2f} %",
        },
    )
    _finish(report | {"classes": names}, args.json)


def main_instance(argv=None):
    """Score masks by instances: each image's IoU of a class weighted by its number of instances of that class."""
    args = _parser("Score masks by IoU weighted by instances.", instances=True).parse_args(argv)
    masks, names = _prepare(args)
    report = instance_report(*score_instances(masks, args.num_classes, args.workers), len(masks))
    _print_table(
        names,
        {"instances": report["instances"], "IoU %": [f"{value:.2f}" for value in report["iou"]]},
        {
            "images": report["images"],
            "over all instances": f"{report['instance_iou']:.2f} %",
            "mean IoU": f"{report['mean_iou']:.2f} %",
        },
    )
    _finish(report | {"classes": names}, args.json)
