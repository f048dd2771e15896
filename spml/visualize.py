"""Pictures for people: palettes, overlays, segment boundaries, PCA of embeddings, contact sheets."""

import base64
import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from spml.data.labels import UNLABELLED
from spml.data.mat_files import read_mat
from spml.errors import UserError

MARGIN = 6
GREY = 128


def voc_palette() -> np.ndarray:
    """The colours of PASCAL VOC, 256×3 uint8: the bits of a class, three by three, are the top bits of R, G and B."""
    label = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((label >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return palette


def load_palette(path: str | Path = "") -> np.ndarray:
    """Read a palette from a `.mat` that holds one N×3 array of 0..1 or 0..255; the VOC palette for an empty path.

    Returns 256×3 uint8, colours from N on as in the VOC palette. Raises UserError where the file is missing or holds
    anything else.
    """
    palette = voc_palette()
    if not path:
        return palette
    colours = _read_colour_map(path)
    if np.issubdtype(colours.dtype, np.floating) and colours.max() <= 1:
        colours = colours * 255
    if colours.min() < 0 or colours.max() > 255:
        raise UserError(f"{path}: colours from {colours.min():g} to {colours.max():g}; expected 0..1 or 0..255")
    palette[: len(colours)] = np.rint(colours)
    return palette


def _read_colour_map(path: str | Path) -> np.ndarray:
    tables = list(read_mat(path).values())
    if len(tables) != 1 or not _is_colour_map(tables[0]):
        raise UserError(f"{path}: expected one N×3 array of colours, N from 1 to 256")
    return np.asarray(tables[0])


def _is_colour_map(table: Any) -> bool:
    if not isinstance(table, np.ndarray) or table.dtype.kind not in "uif":
        return False
    return table.ndim == 2 and table.shape[1] == 3 and 1 <= len(table) <= 256 and bool(np.isfinite(table).all())


def colorize(label: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Colour a label map: H×W integers of 0..255 and a 256×3 palette give H×W×3 uint8."""
    return palette[label]


def overlay(image: np.ndarray, label: np.ndarray, palette: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """Blend the label's colours over the image with weight `alpha`; unlabelled and void pixels show the image alone.

    image: H×W×3 uint8; label: H×W; returns H×W×3 uint8.
    """
    blend = np.rint((1 - alpha) * image + alpha * colorize(label, palette)).astype(np.uint8)
    return np.where((label < UNLABELLED)[..., None], blend, image)


def shrunk(picture: np.ndarray, longest: int) -> np.ndarray:
    """A picture, H×W×3 or H×W uint8, whose longer side is at most `longest` pixels."""
    share = longest / max(picture.shape[:2])
    if share >= 1:
        return picture
    height, width = (max(1, round(share * side)) for side in picture.shape[:2])
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def with_legend(picture: np.ndarray, entries: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """A picture, H×W×3 uint8, with a line of names, each behind a square of its colour, below it."""
    size = max(10, min(28, picture.shape[1] // 40))
    font = ImageFont.load_default(size)
    places, (x, y) = [], (MARGIN, MARGIN)
    for name, _ in entries:
        length = 2 * size + int(font.getlength(name))
        x, y = (MARGIN, y + 3 * size // 2) if x > MARGIN and x + length > picture.shape[1] else (x, y)
        places.append((x, y))
        x += length + size
    sheet = Image.new("RGB", (picture.shape[1], picture.shape[0] + y + 3 * size // 2), "white")
    sheet.paste(Image.fromarray(picture))
    drawing = ImageDraw.Draw(sheet)
    for (x, y), (name, colour) in zip(places, entries, strict=True):
        top = picture.shape[0] + y
        drawing.rectangle((x, top, x + size, top + size), fill=tuple(colour.tolist()), outline="black")
        drawing.text((x + 3 * size // 2, top), name, "black", font)
    return np.array(sheet)


def data_address(picture: np.ndarray) -> str:
    """A picture, H×W×3 or H×W uint8, as a JPEG in an address that a page can hold."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def draw_boundaries(
    image: np.ndarray, segments: np.ndarray, colour: tuple[int, int, int] = (255, 255, 0)
) -> np.ndarray:
    """Colour the pixels whose right or lower neighbour is of another segment; H×W×3 uint8 and H×W integers."""
    edge = np.zeros(segments.shape, bool)
    edge[:, :-1] |= segments[:, :-1] != segments[:, 1:]
    edge[:-1] |= segments[:-1] != segments[1:]
    return np.where(edge[..., None], np.array(colour, np.uint8), image)


def pca_rgb(embeddings: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Show the first three principal components of embeddings as red, green and blue, the same ones for all.

    embeddings: C×h×w each gives h×w×3 uint8 each. Each component spans its 1st to 99th percentile; one that does not
    vary is grey.
    """
    maps = [np.moveaxis(np.asarray(each, np.float64), 0, -1) for each in embeddings]
    pixels = np.concatenate([each.reshape(-1, each.shape[-1]) for each in maps])
    colours = _stretch(_principal_components(pixels, 3))
    parts = np.split(colours, np.cumsum([each.shape[0] * each.shape[1] for each in maps])[:-1])
    return [part.reshape(*each.shape[:2], 3) for part, each in zip(parts, maps, strict=True)]


def _principal_components(pixels: np.ndarray, count: int) -> np.ndarray:
    centred = pixels - pixels.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # by rising variance
    directions = directions[:, ::-1][:, :count]
    strongest = np.abs(directions).argmax(axis=0)
    # An eigenvector's sign is arbitrary; fix it so that pictures of two runs compare.
    directions = directions * np.sign(directions[strongest, np.arange(directions.shape[1])])
    missing = count - directions.shape[1]
    return np.pad(centred @ directions, ((0, 0), (0, max(missing, 0))))


def _stretch(components: np.ndarray) -> np.ndarray:
    low, high = np.percentile(components, (1, 99), axis=0)
    span = high - low
    varies = span > 1e-9 * max(1.0, np.abs(components).max())
    share = (components - low) / np.where(varies, span, 1)
    return np.where(varies, np.rint(255 * share.clip(0, 1)), GREY).astype(np.uint8)


def picture_grid(rows: Sequence[Sequence[np.ndarray | None]], titles: Sequence[str], cell: int = 160) -> np.ndarray:
    """Lay out rows of pictures in a grid with a title over each column, H×W×3 uint8.

    rows: lists of H×W×3 or H×W uint8 pictures of any size (None: an empty cell); each is scaled to fit a square of
    `cell` pixels. Raises ValueError where a row is longer than the titles.
    """
    font = ImageFont.load_default()
    captions = [textwrap.fill(title, max(cell // 7, 1)) for title in titles]
    head = 2 * MARGIN + max((_text_height(caption, font) for caption in captions), default=0)
    size = (MARGIN + len(titles) * (cell + MARGIN), head + len(rows) * (cell + MARGIN))
    sheet = Image.new("RGB", size, "white")
    for column, caption in enumerate(captions):
        ImageDraw.Draw(sheet).multiline_text((_corner(column, cell), MARGIN), caption, "black", font)
    for row, pictures in enumerate(rows):
        if len(pictures) > len(titles):
            raise ValueError(f"row {row} has {len(pictures)} pictures for {len(titles)} titles")
        for column, picture in enumerate(pictures):
            if picture is not None:
                fitted = _fit(picture, cell)
                x, y = _corner(column, cell), head + row * (cell + MARGIN)
                sheet.paste(fitted, (x + (cell - fitted.width) // 2, y + (cell - fitted.height) // 2))
    return np.array(sheet)


def _corner(index: int, cell: int) -> int:
    return MARGIN + index * (cell + MARGIN)


def _text_height(text: str, font: Any) -> int:
    box = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((0, 0), text, font)
    return int(np.ceil(box[3]))


def _fit(picture: np.ndarray, cell: int) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")
    scale = cell / max(image.size)
    size = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    # Enlarged pixels stay sharp: masks must not grow colours that are no class.
    return image.resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX)
