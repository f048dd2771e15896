"""A contact sheet of a recipe: image, truth, and the masks of several folders."""

from pathlib import Path

from spml.commands.flags import Parser
from spml.data.files import read_image, read_label, write_image
from spml.data.lists import read_list
from spml.errors import UserError
from spml.visualize import colorize, contact_sheet, load_palette


def main(argv=None):
    """Lay the masks of several folders beside their images."""
    parser = Parser(description=__doc__)
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--data_list", required=True, help="its images and label column come first")
    parser.add_argument("--columns", nargs="+", required=True, metavar="TITLE=DIR", help="folders of masks ID.png")
    parser.add_argument("--images", type=int, default=8, help="how many, spread over the list")
    parser.add_argument("--cell", type=int, default=120, help="side of a picture in pixels")
    parser.add_argument("--save", required=True, help="PNG to write")
    args = parser.parse_args(argv)
    if args.images < 1 or args.cell < 8 or any("=" not in column for column in args.columns):
        raise UserError("--images takes at least 1, --cell at least 8, --columns TITLE=DIR ...")
    samples = read_list(args.data_dir, args.data_list)
    samples = samples[:: max(1, len(samples) // args.images)][: args.images]
    columns = [column.split("=", 1) for column in args.columns]
    rows = [_row(sample, [folder for _, folder in columns]) for sample in samples]
    write_image(args.save, contact_sheet(rows, ["image", "truth", *(title for title, _ in columns)], args.cell))
    print(f"contact sheet: {args.save}")


def _row(sample, folders):
    palette = load_palette()
    masks = [sample.semantic, *(Path(folder) / f"{sample.id}.png" for folder in folders)]
    return [
        read_image(sample.image),
        *(colorize(read_label(mask), palette) if mask.is_file() else None for mask in masks),
    ]
