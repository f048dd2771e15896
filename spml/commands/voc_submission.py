"""Masks as the VOC evaluation server takes them: indexed-palette PNGs in the folders it expects."""

from pathlib import Path

from spml.commands.flags import Parser
from spml.commands.mask_files import read_ids
from spml.commands.pool import map_files
from spml.data.files import read_label, write_image
from spml.errors import UserError
from spml.visualize import voc_palette

FOLDER = Path("results/VOC2012/Segmentation/comp6_test_cls")


def main(argv=None):
    """Convert the grey masks of a data list's images."""
    parser = Parser(description=__doc__)
    parser.add_argument("--pred_dir", type=Path, required=True, help="grey masks ID.png")
    parser.add_argument("--data_list", type=Path, required=True, help="the images of the test set, one a line")
    parser.add_argument("--save_dir", type=Path, required=True, help=f"gets {FOLDER}/ID.png; pack and submit it")
    parser.add_argument("--num_classes", type=int, default=21)
    args = parser.parse_args(argv)
    names = read_ids(args.data_list)
    jobs = [(args.pred_dir / f"{n}.png", args.save_dir / FOLDER / f"{n}.png", args.num_classes) for n in names]
    list(map_files(_convert, jobs, 0, "submission"))
    print(f"{args.save_dir}: {len(jobs)} masks")


def _convert(job):
    source, target, num_classes = job
    mask = read_label(source)
    if mask.max() >= num_classes:
        raise UserError(f"{source}: holds label {mask.max()}, expected classes 0..{num_classes - 1} alone")
    write_image(target, mask, voc_palette())
