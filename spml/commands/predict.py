"""Masks, overlays, uncertainty and polygons of one's own pictures: image files, folders, videos; no list needed."""

import logging
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from spml.commands.flags import add_polygon_flags, filled, number, trained_parser
from spml.commands.job_inputs import read_gallery, save_folder
from spml.commands.pictures import GivenPicture, LeftOut, count_pictures, find_inputs, given_pictures
from spml.commands.prediction_files import Polygons, PredictionFiles, Shown
from spml.commands.prediction_page import prediction_page
from spml.commands.trained import open_trained, trained_config
from spml.config import Config
from spml.data.class_names import read_class_names
from spml.data.files import write_text
from spml.data.transforms import size_within
from spml.errors import UserError, few_of, printable
from spml.inference.crf import need_pydensecrf
from spml.inference.crf_settings import CRFParameters
from spml.visualize import load_palette

if TYPE_CHECKING:
    from spml.inference.predictions import Ways
    from spml.inference.segmenter import Segmenter

logger = logging.getLogger(__name__)

FAR = 4  # times the training crop: a picture this large shows things larger than the network has seen them


def predict(argv: Sequence[str] | None = None) -> None:
    """Predict pictures; those that cannot be read are named, and make the run fail once the others are done."""
    flags = _parse(argv)
    config = trained_config(flags, *_size_as_seen(flags))
    inputs, names = find_inputs(flags.inputs), _class_names(flags, config)
    palette = load_palette(config.dataset.color_map_path)
    polygons = Polygons(flags.polygons, flags.tolerance, flags.min_pixels)
    files = PredictionFiles(save_folder(flags), names, palette, polygons)
    segmenter, ways = _segmenter(flags, config), _ways(flags)
    pictures = given_pictures(inputs, flags.every, files.save_dir / "frames", config.dataset.max_pixels)
    bar = tqdm(pictures, total=count_pictures(inputs, flags.every), unit="picture", desc=files.save_dir.name)
    shown, left_out = _predict_all(segmenter, ways, files, bar)
    files.finish()
    if shown:
        write_text(files.save_dir / "index.html", printable(prediction_page(shown, left_out, names, palette)))
        logger.info("%s: %d pictures", files.save_dir / "index.html", len(shown))
    if left_out:
        some = few_of([each.path.name for each in left_out], 5)
        raise UserError(
            left_out[0].reason if len(inputs) == 1 else f"{len(left_out)} of {len(inputs)} files left out: {some}"
        )


def _size_as_seen(flags: Namespace) -> tuple[str, ...]:
    """Settings of what size pictures are seen at; over scales as they are, like the scripts for lists."""
    if flags.image_size is not None:
        return "test.image_size", str(flags.image_size), "dataset.max_side", "0"
    return ("test.image_size", "0") if flags.multi_scale and "test.image_size" not in flags.opts else ()


def _predict_all(
    segmenter: "Segmenter", ways: "Ways", files: PredictionFiles, pictures: Iterable[GivenPicture | LeftOut]
) -> tuple[list[Shown], list[LeftOut]]:
    from spml.inference.predictions import predict_image

    shown: list[Shown] = []
    left_out: list[LeftOut] = []
    far = False
    for picture in pictures:
        if isinstance(picture, LeftOut):
            left_out.append(picture)
            logger.warning("%s; left out", picture.reason)
            continue
        if not far:
            far = _warn_of_size(picture, segmenter.config)
        shown.append(files.write(picture, predict_image(segmenter, picture.pixels, ways)))
    return shown, left_out


def _warn_of_size(picture: GivenPicture, config: Config) -> bool:
    """Whether a picture is seen much larger than those of the training were, which is then said."""
    height, width = size_within(picture.pixels.shape[:2], config.dataset.max_side)
    crop = max(config.train.crop_size)
    far = not config.test.image_size and max(height, width) > FAR * crop
    if far:
        logger.warning(
            "%s: seen at %d×%d pixels, trained on crops of %d; --image_size N shows pictures to the network otherwise",
            picture.path, width, height, crop,
        )  # fmt: skip
    return far


def _class_names(flags: Namespace, config: Config) -> list[str]:
    count = config.dataset.num_classes
    if flags.classes:
        return list(read_class_names(flags.classes, count))
    logger.info("classes are called by their ids; --classes FILE names them, one a line")
    return [str(number) for number in range(count)]


def _segmenter(flags: Namespace, config: Config) -> "Segmenter":
    """The trained networks with the prototypes that --semantic_memory_dir holds."""
    gallery = read_gallery(flags, config) if flags.semantic_memory_dir else None
    segmenter = open_trained(flags, config)
    if segmenter.classifier is None and (gallery is None or flags.multi_scale):
        raise UserError(
            "the snapshot holds no classifier: --semantic_memory_dir is needed, and --multi_scale does not apply"
        )
    if gallery is not None:
        from spml.inference.gallery import gallery_of

        segmenter.gallery = gallery_of(*gallery, segmenter.device)
    return segmenter


def _ways(flags: Namespace) -> "Ways":
    from spml.inference.predictions import Ways

    if flags.crf:
        need_pydensecrf()
    return Ways(flags.multi_scale, CRFParameters() if flags.crf else None, flags.save_scores)


def _parse(argv: Sequence[str] | None) -> Namespace:
    parser = trained_parser(__doc__ or "")
    parser.add_argument("inputs", nargs="+", metavar="IMAGE|FOLDER|VIDEO", help="what is to be segmented")
    parser.add_argument("--save_dir", type=filled, required=True, metavar="DIR", help="where results and index.html go")
    parser.add_argument("--semantic_memory_dir", metavar="DIR", help="prototypes, for the map of disagreement")
    parser.add_argument("--classes", metavar="TXT", help="names of the classes, one a line, in the order of their ids")
    parser.add_argument(
        "--image_size",
        type=number("--image_size", int, 0, 1 << 16),
        metavar="N",
        help="the longer side at which networks see pictures; 0: as they are (default: as in training and test.*)",
    )
    parser.add_argument("--multi_scale", action="store_true", help="average over scales (test.scales) and flips")
    parser.add_argument("--crf", action="store_true", help="refine by a dense CRF")
    parser.add_argument(
        "--save_scores", nargs="?", const="uint8", choices=("uint8", "float16"), help="scores/ID.npz, K×H×W"
    )
    parser.add_argument(
        "--every", type=number("--every", int, 1, 10**6), default=1, metavar="N", help="every N-th frame of videos"
    )
    polygons = parser.add_argument_group("polygons")
    polygons.add_argument("--polygons", choices=("labelme", "coco", "none"), default="labelme", help="polygons/*.json")
    add_polygon_flags(polygons, min_pixels=64)
    return parser.parse_args(argv)
