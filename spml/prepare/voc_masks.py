"""VOC colour masks and SBD .mat files -> grey label maps."""

from argparse import Namespace
from pathlib import Path

import numpy as np

from spml.commands.flags import Parser
from spml.data.class_names import VOC_CLASSES
from spml.data.files import need_dir, read_image, write_image
from spml.data.labels import VOID
from spml.data.mat_files import read_mat
from spml.errors import UserError
from spml.prepare.convert import add_common_flags, convert, need_files
from spml.visualize import voc_palette


def grey_from_colour(colour: np.ndarray, path: str | Path) -> np.ndarray:
    """Class ids, H×W uint8, of a mask in VOC colours, H×W×3 uint8; the colour of the outlines becomes 255.

    Raises UserError, naming `path`, for a colour that is none of the 21 classes' or the outlines'.
    """
    known = [*range(len(VOC_CLASSES)), VOID]
    codes, places = np.unique(_code(colour), return_inverse=True)
    ids = dict(zip(_code(voc_palette()[known]).tolist(), known, strict=True))
    strange = [code for code in codes.tolist() if code not in ids]
    if strange:
        raise UserError(
            f"{path}: #{strange[0]:06x} is no VOC colour; expected a mask in the colours of SegmentationClass"
        )
    return np.array([ids[code] for code in codes.tolist()], np.uint8)[places].reshape(colour.shape[:2])


def _code(colour: np.ndarray) -> np.ndarray:
    return colour.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def read_sbd(path: str | Path) -> np.ndarray:
    """Class ids, H×W uint8, of an SBD file: `GTcls.Segmentation` of a .mat.

    Raises UserError where the file is missing, broken, lacks that field or holds other values than the 21 classes.
    """
    content = read_mat(path).get("GTcls")
    label = content.get("Segmentation") if isinstance(content, dict) else None
    if label is None:
        raise UserError(f"{path}: not a readable SBD .mat; expected a struct GTcls with a label map Segmentation")
    if label.ndim != 2 or label.size == 0:
        raise UserError(f"{path}: GTcls.Segmentation is no label map")
    if not (np.isin(label, np.arange(len(VOC_CLASSES)))).all():
        raise UserError(f"{path}: GTcls.Segmentation holds {label.min()}..{label.max()}; expected 0..20")
    return label.astype(np.uint8)


def write_grey(source: Path, targets: tuple[Path, ...]) -> None:
    """Convert one mask, `.mat` or image, to the grey label map `targets[0]`."""
    grey = read_sbd(source) if source.suffix == ".mat" else grey_from_colour(read_image(source), source)
    write_image(targets[0], grey)


def voc_masks(argv: list[str] | None = None) -> None:
    """Write the grey masks of VOC, and of SBD where VOC has none, to VOC2012/segcls."""
    args = _parse(argv)
    need_dir(args.data_dir, "--data_dir")
    if args.download:
        from spml.prepare.download import download_sbd, download_voc

        download_voc(args.data_dir)
        download_sbd(args.data_dir)
    voc_dir = args.voc_dir or args.data_dir / "VOC2012" / "SegmentationClass"
    sbd_dir = args.sbd_dir or args.data_dir / "sbd" / "dataset" / "cls"
    sources = {path.stem: path for path in need_files(sbd_dir, "*.mat", "SBD masks")}
    sources |= {path.stem: path for path in need_files(voc_dir, "*.png", "VOC colour masks")}
    save_dir = args.data_dir / "VOC2012" / "segcls"
    jobs = [(source, (save_dir / f"{name}.png",)) for name, source in sorted(sources.items())]
    convert(write_grey, jobs, args, "grey masks", settings={})


def _parse(argv: list[str] | None) -> Namespace:
    parser = Parser(description="VOC colour masks and SBD .mat files to grey masks in VOC2012/segcls")
    parser.add_argument("--data_dir", type=Path, required=True, help="the data root, which holds VOC2012 and sbd")
    parser.add_argument("--voc_dir", type=Path, help="colour masks (default DATA_DIR/VOC2012/SegmentationClass)")
    parser.add_argument("--sbd_dir", type=Path, help="SBD's .mat masks (default DATA_DIR/sbd/dataset/cls)")
    parser.add_argument("--download", action="store_true", help="first fetch VOC 2012 and SBD into the data root")
    add_common_flags(parser)
    return parser.parse_args(argv)
