import numpy as np
import pytest
from PIL import Image

from spml.data.files import write_image
from spml.errors import UserError
from spml.prepare.annotations import mask_images
from spml.prepare.annotations.formats import read_annotations
from spml.prepare.annotations.mask_table import MaskTable
from spml.visualize import voc_palette

NUMBERS = np.array([[0, 1, 1], [2, 254, 255]], np.uint8)
COLOURS = np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0]]], np.uint8)


def read(path, context):
    """The areas of a mask by name."""
    (found,) = read_annotations([path], context).annotations
    areas = {}
    for mask in found.shapes:
        area = np.zeros(found.size, bool)
        area[mask.top : mask.top + mask.size[0], mask.left : mask.left + mask.size[1]] = mask.pixels()
        areas[mask.name] = area.astype(int).tolist()
    return areas


@pytest.mark.parametrize("palette", [None, voc_palette()])
def test_numbers_count_the_classes_whether_grey_or_with_a_palette(tmp_path, context, palette):
    write_image(tmp_path / "a.png", NUMBERS, palette)
    assert read(tmp_path / "a.png", context()) == {
        "background": [[1, 0, 0], [0, 0, 0]],
        "cow": [[0, 1, 1], [0, 0, 0]],
        "grass": [[0, 0, 0], [1, 0, 0]],
        "unlabelled": [[0, 0, 0], [0, 1, 0]],
        "void": [[0, 0, 0], [0, 0, 1]],
    }


def test_colours_mean_what_the_table_says_and_others_are_unknown(tmp_path, context):
    write_image(tmp_path / "a.png", COLOURS)
    table = MaskTable({0xFF0000: "cow", 0: "background"}, {0: "background"})
    expected = {"background": [[1, 0, 0]], "cow": [[0, 1, 0]], "colour #00ff00": [[0, 0, 1]]}
    assert read(tmp_path / "a.png", context(mask_table=table)) == expected


def test_a_labelmap_above_the_folder_of_masks_is_found(tmp_path, context):
    write_image(tmp_path / "set" / "SegmentationClass" / "a.png", COLOURS)
    (tmp_path / "set" / "labelmap.txt").write_text("background:0,0,0::\ncow:255,0,0::\ngrass:0,255,0::\n")
    assert list(read(tmp_path / "set" / "SegmentationClass" / "a.png", context())) == ["background", "grass", "cow"]


def test_colours_without_a_table_are_refused(tmp_path, context):
    write_image(tmp_path / "a.png", COLOURS)
    with pytest.raises(
        UserError,
        match="a.png: a mask in colours .or a photograph.*; --mask_table, or a file beside it called labelmap.txt or",
    ):
        read(tmp_path / "a.png", context())


def test_photographs_taken_for_masks_and_broken_files_are_refused(tmp_path, context):
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    write_image(tmp_path / "a.png", noise)
    with pytest.raises(UserError, match="a.png: has 400 colours that the class table lacks"):
        read(tmp_path / "a.png", context(mask_table=MaskTable({0: "cow"}, {0: "cow"})))
    write_image(tmp_path / "a.png", noise[..., 0] % 3)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(UserError, match="a.png: not a readable image"):
        read(tmp_path / "a.png", context())


def test_masks_of_no_photograph_are_not_opened(tmp_path, context):
    (tmp_path / "other.png").write_bytes(b"no image")
    assert read_annotations([tmp_path / "other.png"], context()).annotations[0].shapes == []


@pytest.mark.parametrize("palette", [None, voc_palette()])
def test_mutated_masks_give_areas_or_one_line_that_names_them(tmp_path, context, palette):
    rng, where, path = np.random.default_rng(0), context(), tmp_path / "a.png"
    write_image(path, NUMBERS.repeat(9, 0).repeat(9, 1), palette)
    valid, refused = path.read_bytes(), 0
    for _ in range(60):
        content = bytearray(valid)
        content[rng.integers(len(content))] = rng.integers(256)
        path.write_bytes(content if rng.random() < 0.7 else content[: rng.integers(1, len(content))])
        try:
            read_annotations([path], where)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error) and str(path) in str(error)
    assert refused >= 20


def test_numbers_do_not_count_labelmes_first_line_and_one_beyond_the_classes_says_how_they_count(tmp_path, context):
    write_image(tmp_path / "a.png", np.array([[0, 1, 3]], np.uint8))
    found = read(tmp_path / "a.png", context(names=("__ignore__", "_background_", "cow")))
    assert list(found) == ["_background_", "cow", "number 3, where 2 lines of classes.txt count from 0"]


def test_numbers_may_stand_in_all_three_channels(tmp_path, context):
    write_image(tmp_path / "a.png", np.array([[[1, 1, 1], [0, 0, 0], [255, 255, 255]]], np.uint8))
    assert read(tmp_path / "a.png", context()) == {"background": [[0, 1, 0]], "cow": [[1, 0, 0]], "void": [[0, 0, 1]]}
    write_image(tmp_path / "a.png", np.full((2, 2, 3), 77, np.uint8))
    with pytest.raises(UserError, match="a mask in colours .or a photograph"):
        read(tmp_path / "a.png", context())


def test_a_grey_photograph_is_no_mask_and_a_copy_of_one_is_left_alone(tmp_path, context):
    grey = np.arange(200, dtype=np.uint8).reshape(10, 20)
    write_image(tmp_path / "given" / "a.png", grey)
    with pytest.raises(UserError, match="a.png: has 200 numbers, of which most mean no class; is it a photograph"):
        read_annotations([tmp_path / "given"], context())
    (tmp_path / "given" / "a.png").write_bytes((tmp_path / "images" / "a.png").read_bytes())
    (tmp_path / "given" / "tags.txt").write_text("a cow\n")
    reading = read_annotations([tmp_path / "given"], context())
    assert reading.files == {"tags as text": 1} and not reading.left_alone


@pytest.mark.parametrize("name", ["a_mask", "a_L", "a-labels", "a_gt"])
def test_masks_may_be_called_so_behind_the_name_of_the_photograph(tmp_path, context, name):
    write_image(tmp_path / f"{name}.png", np.array([[0, 1]], np.uint8))
    (tmp_path / "_classes.csv").write_text("Pixel Value, Class\n0, grass\n1, cow\n")
    assert read(tmp_path / f"{name}.png", context()) == {"grass": [[1, 0]], "cow": [[0, 1]]}


def test_a_labelmap_may_lie_in_the_folder_that_was_named(tmp_path, context):
    write_image(tmp_path / "given" / "SegmentationClass" / "x" / "y" / "z" / "a.png", np.array([[0, 1]], np.uint8))
    (tmp_path / "given" / "labelmap.txt").write_text("background:0,0,0::\ngrass:128,0,0::\n")
    (found,) = read_annotations([tmp_path / "given"], context()).annotations
    assert [shape.name for shape in found.shapes] == ["background", "grass"]


def test_tables_of_masks_are_no_tags_and_those_of_tags_no_tables(tmp_path, context):
    write_image(tmp_path / "given" / "a.png", np.array([[0, 1]], np.uint8))
    write_image(tmp_path / "given" / "a_mask.png", np.array([[2, 2]], np.uint8))  # not beside one of the bare name
    (tmp_path / "given" / "_classes.csv").write_text("filename, cow, grass\na.png, 1, 1\n")
    (tmp_path / "given" / "class_dict.csv").write_text("a,0,0,0\n")
    where = context()
    reading = read_annotations([tmp_path / "given"], where)
    assert reading.files == {"tags as text": 1, "masks": 2}
    assert [[shape.name for shape in each.shapes] for each in reading.annotations if each.name == "a.png"] == [
        ["cow", "grass"]
    ]
    assert [each.name for each in reading.annotations if each.name.startswith("a_")] == ["a_mask"]


def test_transparent_pixels_of_masks_have_their_numbers_and_colours(tmp_path, context):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, 1:] = [[1, 1, 1, 255], [2, 2, 2, 255]]
    write_image(tmp_path / "a.png", pixels)
    numbers = {"background": [[1, 0, 0]], "cow": [[0, 1, 0]], "grass": [[0, 0, 1]]}
    assert read(tmp_path / "a.png", context()) == numbers
    table = MaskTable({0: "background", 0x010101: "cow", 0x020202: "grass", 0xFFFFFF: "sky"}, {0: "background"})
    assert read(tmp_path / "a.png", context(mask_table=table)) == numbers


def test_a_palettes_transparent_colour_is_the_palettes(tmp_path, context):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "a.png", transparency=0)
    table = MaskTable({0: "background", 0xFF0000: "cow", 0x00FF00: "grass"}, {0: "background"})
    found = read(tmp_path / "a.png", context(mask_table=table))
    assert found == {"background": [[1, 0, 0]], "cow": [[0, 1, 0]], "grass": [[0, 0, 1]]}


def test_grey_masks_with_transparency_are_numbers(tmp_path, context):
    Image.fromarray(np.array([[[0, 0], [1, 255], [2, 255]]], np.uint8), "LA").save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", context())
    assert found == {"background": [[1, 0, 0]], "cow": [[0, 1, 0]], "grass": [[0, 0, 1]]}


def test_a_table_beside_many_masks_is_read_once(tmp_path, context, monkeypatch):
    for name in "abc":
        write_image(tmp_path / "set" / f"{name}.png", COLOURS)
    (tmp_path / "set" / "labelmap.txt").write_text("background:0,0,0::\ncow:255,0,0::\ngrass:0,255,0::\n")
    reads = []
    honest = mask_images.read_mask_table
    monkeypatch.setattr(mask_images, "read_mask_table", lambda path: reads.append(path) or honest(path))
    photographs = dict.fromkeys("abc", COLOURS.shape[:2])
    assert len(read_annotations([tmp_path / "set"], context(**photographs)).annotations) == 3
    assert len(reads) == 1


def test_the_table_is_said_and_is_nothing_left_alone_and_one_that_differs_too(tmp_path, context, log):
    write_image(tmp_path / "set" / "a.png", COLOURS)
    (tmp_path / "set" / "label_colors.txt").write_text("0 0 0 background\n255 0 0 cow\n0 255 0 grass\n")
    reading = read_annotations([tmp_path / "set"], context(a=COLOURS.shape[:2]))
    assert not reading.left_alone and log == [
        ("INFO", f"what masks mean is looked up in {tmp_path}/set/label_colors.txt")
    ]
    (tmp_path / "set" / "class_dict.csv").write_text("name,r,g,b\nbackground,0,0,0\ngrass,255,0,0\ncow,0,255,0\n")
    found = read(tmp_path / "set" / "a.png", context(a=COLOURS.shape[:2]))
    assert found["cow"] == [[0, 1, 0]]
    assert log[-1] == (
        "WARNING",
        f"{tmp_path}/set/class_dict.csv says differently than {tmp_path}/set/label_colors.txt what masks mean, and "
        "does not count",
    )
