"""Trained networks as ONNX files: class scores, and the embedding alone, of images of any size."""

import logging
from collections.abc import Sequence

from spml.commands.flags import filled, trained_parser
from spml.commands.job_inputs import save_folder
from spml.commands.trained import open_trained, trained_config

logger = logging.getLogger(__name__)


def export_onnx(argv: Sequence[str] | None = None) -> None:
    """Write SAVE_DIR/scores.onnx, where the snapshot holds a classifier, and SAVE_DIR/embedding.onnx."""
    parser = trained_parser(__doc__ or "")
    parser.add_argument(
        "--save_dir", type=filled, required=True, metavar="DIR", help="where scores.onnx and embedding.onnx go"
    )
    flags = parser.parse_args(argv)
    from spml.inference.onnx_files import ClassShares, ImageNetwork, UnitEmbedding, need_onnx, write_onnx

    need_onnx()
    folder, config = save_folder(flags), trained_config(flags, "test.amp", "none")
    segmenter = open_trained(flags, config)
    networks: dict[str, ImageNetwork] = {"embedding": UnitEmbedding(segmenter)}
    if segmenter.classifier is not None:
        networks = {"scores": ClassShares(segmenter), **networks}
    for name, network in networks.items():
        path = folder / f"{name}.onnx"
        difference = write_onnx(network, name, path)
        checked = "not checked: onnxruntime is not installed"
        if difference is not None:
            checked = f"differs from PyTorch by {difference:.1e} at most"
        logger.info("%s: %s", path, checked)
    test, side = config.test, config.test.image_size or config.dataset.max_side
    logger.info(
        "trained to see windows of %d×%d pixels, %d×%d apart, of pictures %s: larger ones at once give worse masks",
        *test.crop_size, *test.stride, f"of at most {side} a side" if side else "as they are",
    )  # fmt: skip
