"""Images and label maps on disk: formats, orientation, depth, palettes, broken and hostile files."""

import os
import resource
import struct
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image
from PIL.PngImagePlugin import PngImageFile

from spml.data import images
from spml.data.images import IMAGE_ENDINGS, find_images, image_size, read_image, read_label, write_image
from spml.errors import UserError
from spml.visualize import voc_palette

GREY = np.array([[0, 1, 254], [255, 20, 7]], np.uint8)


def complaint(function, *args):
    with pytest.raises(UserError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_images_and_label_maps_come_back_as_written(tmp_path):
    colour = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    write_image(tmp_path / "colour.png", colour)
    write_image(tmp_path / "grey.png", GREY)
    assert (read_image(tmp_path / "colour.png") == colour).all()
    assert (read_label(tmp_path / "grey.png") == GREY).all()
    assert (read_image(tmp_path / "grey.png") == GREY[..., None]).all()


def test_a_palette_makes_an_indexed_image(tmp_path):
    palette = np.arange(256 * 3).reshape(256, 3) % 256
    write_image(tmp_path / "a.png", GREY, palette)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert (np.array(image) == GREY).all()
    assert (read_image(tmp_path / "a.png") == palette[GREY]).all()


@pytest.mark.parametrize("name", ["a", "a.foo", "a.txt"])
def test_a_name_that_says_no_format_is_refused_and_leaves_nothing(tmp_path, name):
    assert complaint(write_image, tmp_path / name, GREY).startswith(
        f"{tmp_path / name}: cannot be written; expected a name"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_label_map_in_colour_is_refused(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "a.png")
    message = complaint(read_label, tmp_path / "a.png")
    assert "a.png" in message
    assert f"mode {mode}" in message


def test_a_label_map_of_16_bits_is_taken_where_its_values_fit(tmp_path):
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "fits.png")
    assert (read_label(tmp_path / "fits.png") == GREY).all()
    Image.fromarray(GREY.astype(np.uint16) + 1).save(tmp_path / "beyond.png")
    assert "beyond.png" in complaint(read_label, tmp_path / "beyond.png")


def grey_png(rows, bits, size=None):
    """The bytes of a grey PNG of 1, 2, 4 or 8 bits a pixel, whose rows fill whole bytes; size: what its header says."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = b"".join(
        b"\0" + int("".join(f"{v:0{bits}b}" for v in row), 2).to_bytes(len(row) * bits // 8, "big") for row in rows
    )
    header = struct.pack(">IIBBBBB", *(size or (len(rows[0]), len(rows))), bits, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_label_map_holds_the_numbers_of_its_file_whatever_their_bits(tmp_path, bits):
    rows = np.random.default_rng(bits).integers(0, 2**bits, (3, 16)).tolist()
    rows[0][:2] = [0, 2**bits - 1]
    (tmp_path / "a.png").write_bytes(grey_png(rows, bits))
    label = read_label(tmp_path / "a.png")
    assert label.dtype == np.uint8
    assert label.tolist() == rows


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_a_label_map_of_one_bit_is_of_zeros_and_ones(tmp_path, ending):
    Image.fromarray(np.eye(5, dtype=bool)).save(tmp_path / f"a.{ending}")
    assert (read_label(tmp_path / f"a.{ending}") == np.eye(5)).all()


@pytest.mark.parametrize("read", [read_image, read_label])
def test_a_missing_or_broken_image_is_an_error_that_names_it(tmp_path, read):
    write_image(tmp_path / "whole.png", np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8))
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    for name in ("half.png", "text.png", "empty.jpg", "folder.png", "nowhere.png"):
        assert name in complaint(read, tmp_path / name)


@pytest.mark.parametrize("read", [read_image, read_label])
@pytest.mark.parametrize("pil_limit", [None, 100])
def test_an_image_that_would_fill_the_memory_is_refused_before_it_is_decoded(tmp_path, monkeypatch, read, pil_limit):
    write_image(tmp_path / "bomb.png", np.zeros((20, 20), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pil_limit)
    monkeypatch.setattr(PngImageFile, "load", lambda image: pytest.fail("was decoded"))
    message = complaint(read, tmp_path / "bomb.png", 399)
    assert message.endswith("bomb.png: has 20×20 pixels; at most 399 are read (dataset.max_pixels)")
    assert pil_limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("read", [read_image, read_label, image_size])
def test_by_default_a_hundred_megapixels_are_read(tmp_path, read):
    (tmp_path / "bomb.png").write_bytes(grey_png([[0] * 8], 8, (20000, 20000)))
    assert "has 20000×20000 pixels; at most 100000000" in complaint(read, tmp_path / "bomb.png")


@pytest.mark.filterwarnings("error")
def test_an_image_beyond_the_limit_of_the_image_library_is_read_where_more_are_allowed(tmp_path, monkeypatch):
    write_image(tmp_path / "large.png", np.full((20, 20), 7, np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert (read_image(tmp_path / "large.png") == 7).all()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(mark) run\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("read", [read_image, read_label, image_size])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.eps"])
def test_postscript_is_no_image_and_starts_no_program(tmp_path, monkeypatch, read, name):
    program, mark = tmp_path / "bin" / "gs", tmp_path / "mark"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    (tmp_path / name).write_bytes(EPS)
    assert name in complaint(read, tmp_path / name)
    assert not mark.exists()


def test_a_label_map_of_a_lossy_format_is_refused(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.jpg")
    assert "not a readable image of PNG, BMP, TIFF, GIF" in complaint(read_label, tmp_path / "a.jpg")


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "gif"])
@pytest.mark.parametrize("classes", [2, 4, 16, 256])
def test_a_palette_label_map_holds_the_numbers_of_its_file_whatever_their_colours(tmp_path, ending, classes):
    label = np.random.default_rng(0).integers(0, classes, (7, 9)).astype(np.uint8)
    label.flat[:classes] = np.arange(classes)[: label.size]
    image = Image.fromarray(label)
    image.putpalette(voc_palette()[:classes].tobytes())
    image.save(tmp_path / f"a.{ending}")
    assert Image.open(tmp_path / f"a.{ending}").mode == "P"
    assert (read_label(tmp_path / f"a.{ending}") == label).all()


def corners(orientation):
    """An image whose upper left quarter is white, saved lying as a camera's EXIF orientation says."""
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255
    turns = {1: (), 2: ("h",), 3: ("r", "r"), 4: ("v",), 5: ("t",), 6: ("r",), 7: ("t", "r", "r"), 8: ("r", "r", "r")}
    steps = {"h": np.fliplr, "v": np.flipud, "r": np.rot90, "t": lambda a: a.transpose(1, 0, 2)}
    stored = upright
    for step in turns[orientation]:
        stored = steps[step](stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return upright, Image.fromarray(np.ascontiguousarray(stored)), exif


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_read_upright_whatever_way_the_camera_was_held(tmp_path, ending, orientation):
    upright, stored, exif = corners(orientation)
    stored.save(tmp_path / f"a.{ending}", exif=exif, quality=100)
    got = read_image(tmp_path / f"a.{ending}")
    assert got.shape == upright.shape and image_size(tmp_path / f"a.{ending}") == upright.shape[:2]
    assert np.abs(got.astype(int) - upright).max() < 30


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_an_image_with_broken_exif_is_read_as_it_is_stored(tmp_path):
    _, stored, _ = corners(1)
    stored.save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff")
    assert read_image(tmp_path / "a.jpg").shape == (16, 32, 3)


def test_deep_grey_becomes_8_bit_by_its_range(tmp_path):
    Image.fromarray(np.array([[0, 257, 32768, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1, 128, 255]
    Image.fromarray(np.array([[0, 1 << 20]], np.int32)).save(tmp_path / "b.tif")
    assert "expected 8 or 16 bits" in complaint(read_image, tmp_path / "b.tif")
    Image.fromarray(np.array([[0, 0.5]], np.float32)).save(tmp_path / "c.tif")
    assert "holds fractions" in complaint(read_image, tmp_path / "c.tif")


def test_transparent_pixels_lie_over_white_and_opaque_ones_keep_their_colour(tmp_path):
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[200, 0, 0], [255, 255, 255], [127, 127, 127]]]
    Image.fromarray(np.array([[3, 9]], np.uint8)).save(tmp_path / "b.png", transparency=9)
    assert read_image(tmp_path / "b.png").tolist() == [[[3, 3, 3], [255, 255, 255]]]


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - (255, 0, 0)).max() <= 3


def test_of_a_moving_picture_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_images_of_a_folder_are_found_whatever_their_endings_case(tmp_path):
    for name in ("b.JPG", "a.png", "c.webp", "d.tiff", ".e.1.partial.png", "list.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_images(tmp_path, "--data_dir")] == ["a.png", "b.JPG", "c.webp", "d.tiff"]
    (tmp_path / "a.jpg").touch()
    assert "a.jpg and a.png would share the name a" in complaint(find_images, tmp_path, "--data_dir")
    (tmp_path / "empty").mkdir()
    assert complaint(find_images, tmp_path / "empty", "--image_dir").startswith("--image_dir ")
    assert "no such folder" in complaint(find_images, tmp_path / "nowhere", "--image_dir")


def test_a_new_image_format_is_its_name_and_its_ending(tmp_path, monkeypatch):
    Image.new("RGB", (5, 4), (9, 8, 7)).save(tmp_path / "a.ppm")
    assert "a.ppm: not a readable image of JPEG" in complaint(read_image, tmp_path / "a.ppm")
    monkeypatch.setattr(images, "IMAGE_FORMATS", (*images.IMAGE_FORMATS, "PPM"))
    monkeypatch.setattr(images, "IMAGE_ENDINGS", (*images.IMAGE_ENDINGS, ".ppm"))
    (found,) = find_images(tmp_path, "--data_dir")
    assert (read_image(found) == (9, 8, 7)).all() and image_size(found) == (4, 5)


@pytest.mark.parametrize("ending", IMAGE_ENDINGS)
def test_a_disk_that_takes_half_of_a_picture_is_said_and_leaves_nothing(tmp_path, ending):
    pixels = np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)
    if not (child := os.fork()):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_image(tmp_path / f"a{ending}", pixels)
        except UserError as error:
            os._exit("File too large" not in str(error))
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert not list(tmp_path.iterdir())


def test_images_in_sub_folders_alone_are_named(tmp_path):
    write_image(tmp_path / "cam1" / "a.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(UserError, match="holds no .*; the 1 in its sub-folders, such as .*cam1/a.png, are not read"):
        find_images(tmp_path, "--image_dir")
