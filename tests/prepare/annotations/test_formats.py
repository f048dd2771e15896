import numpy as np
import pytest
from annotations_written_by_tools import FILES, SOURCES

from spml.errors import UserError
from spml.prepare.annotations import formats
from spml.prepare.annotations.formats import Format, read_annotations
from spml.prepare.annotations.matching import match
from spml.prepare.annotations.model import ImageAnnotations, Mask, Point, Polygon, Rectangle, Stroke, Tag
from spml.prepare.annotations.rasterise import Brush, area, draw


def shapes_of(source, context, *kinds):
    """{id: (shape, value) pairs of these kinds} of one of the files that tools wrote."""
    photographs, notes = match(read_annotations([FILES / source], context).annotations, context)
    assert not notes or source == "coco.json"
    return {each.id: [pair for pair in each.shapes if isinstance(pair[0], kinds)] for each in photographs}


def maps(source, context, *kinds):
    return [draw((240, 320), pairs, Brush()).label for pairs in shapes_of(source, context, *kinds).values()]


@pytest.mark.parametrize("source", SOURCES)
def test_each_file_is_recognised_by_its_content(source, msrc_context):
    reading = read_annotations([FILES / source], msrc_context)
    assert list(reading.files) == [SOURCES[source]] and not reading.left_alone


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("cvat.xml", (Point, Stroke, Polygon)),
        ("datumaro.json", (Point, Stroke, Polygon)),
        ("label_studio.json", (Point, Polygon)),
        ("coco.json", (Polygon,)),
    ],
)
def test_formats_give_equal_label_maps_where_they_can_hold_the_same(source, kinds, msrc_context):
    expected = maps("labelme", msrc_context, *kinds)
    assert all((label != 254).any() for label in expected[:1])
    assert all(np.array_equal(*pair) for pair in zip(maps(source, msrc_context, *kinds), expected, strict=True))


@pytest.mark.parametrize("source", ["cvat.xml", "datumaro.json", "label_studio.json", "coco.json", "voc"])
def test_formats_give_equal_boxes(source, msrc_context):
    found, expected = (
        {
            name: [(box.left, box.top, box.right, box.bottom, value) for box, value in pairs]
            for name, pairs in shapes_of(each, msrc_context, Rectangle).items()
        }
        for each in (source, "labelme")
    )
    assert found == expected and sum(map(len, expected.values())) == 3


@pytest.mark.parametrize("source", ["cvat.xml", "datumaro.json", "label_studio.json"])
def test_formats_give_equal_tags(source, msrc_context):
    found, expected = (
        {name: {value for _, value in pairs} for name, pairs in shapes_of(each, msrc_context, Tag).items()}
        for each in (source, "labelme")
    )
    assert found == expected


def test_a_brush_covers_the_line_that_it_was_painted_along(msrc_context):
    lines = shapes_of("labelme", msrc_context, Stroke)["19_5_s"]
    brushes = shapes_of("label_studio.json", msrc_context, Mask)["19_5_s"]
    for (line, value), (brush, painted) in zip(lines, brushes, strict=True):
        label = draw((240, 320), [(line, 1)], Brush(stroke=1)).label == 1
        window, covered = area(brush, (240, 320), Brush())
        assert value == painted and label[window][covered].sum() / label.sum() > 0.95


def test_folders_hold_several_formats_and_files_that_are_none(tmp_path, msrc_context):
    for source in SOURCES:
        for file in [FILES / source] if (FILES / source).is_file() else (FILES / source).iterdir():
            (tmp_path / "all" / file.name).parent.mkdir(exist_ok=True)
            (tmp_path / "all" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "all" / "README.txt").write_text("What this is.\n")
    (tmp_path / "all" / ".hidden.json").write_text("{")
    reading = read_annotations([tmp_path / "all"], msrc_context)
    assert sorted(reading.files) == sorted(SOURCES.values())
    assert [path.name for path in reading.left_alone] == ["README.txt"]


def test_linked_folders_are_read_and_none_twice(tmp_path, context):
    for folder, names in (("elsewhere", "ab"), ("given", "c"), ("given/sub", "d")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.txt").write_text(f"{name} cow\n")
    links = {"all": "elsewhere", "again": "elsewhere", "loop": "given", "more": "given/sub", "gone": "nowhere"}
    for name, target in links.items():
        (tmp_path / "given" / name).symlink_to(tmp_path / target)
    reading = read_annotations([tmp_path / "given"], context(**dict.fromkeys("abcd", (4, 6))))
    assert [str(each.file) for each in reading.annotations] == ["again/a.txt", "again/b.txt", "c.txt", "sub/d.txt"]
    assert reading.files == {"tags as text": 4}


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", "{}"), ("a.json", "[]"), ("a.json", "3"), ("a.xml", "<html/>"), ("a.txt", "hello"), ("a.ods", "PK")],
)
def test_files_of_no_known_format_are_refused(tmp_path, context, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=f"{name}: is none of LabelMe JSON, CVAT"):
        read_annotations([tmp_path / name], context())


@pytest.mark.parametrize(
    ("names", "beside"), [((), "no file that could be"), (("a.txt", "b.md"), "no annotations, but a.txt and 1 more")]
)
def test_a_folder_without_annotations_is_named_with_what_it_holds(tmp_path, context, names, beside):
    (tmp_path / "mine").mkdir()
    for name in names:
        (tmp_path / "mine" / name).write_text("0 50 50 20\n")
    with pytest.raises(UserError, match=f"--annotations .*mine: holds {beside}.*; expected LabelMe"):
        read_annotations([tmp_path / "mine"], context())


def test_a_missing_file_is_named(tmp_path, context):
    with pytest.raises(UserError, match="none.json: no such file or folder"):
        read_annotations([tmp_path / "none.json"], context())


def test_a_new_annotation_format_is_one_line_more(tmp_path, context, monkeypatch):
    def read(document, context):
        return [ImageAnnotations("a", str(document.path), None, [Tag(document.content.split()[1], "")])]

    dummy = Format("dummy", lambda document, context: str(document.content).startswith("DUMMY"), read)
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, dummy))
    (tmp_path / "x.txt").write_text("DUMMY cow")
    reading = read_annotations([tmp_path / "x.txt"], context())
    assert reading.files == {"dummy": 1} and reading.annotations[0].shapes[0].name == "cow"


def test_lists_of_voc_are_left_alone_and_packed_files_are_to_be_unpacked(tmp_path, context):
    (tmp_path / "set" / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "set" / "ImageSets" / "Main" / "cow_train.txt").write_text("a  1\n")
    (tmp_path / "set" / "tags.txt").write_text("a grass\n")
    (found,) = read_annotations([tmp_path / "set"], context()).annotations
    assert [tag.name for tag in found.shapes] == ["grass"]
    (found,) = read_annotations([tmp_path / "set" / "ImageSets" / "Main"], context()).annotations  # named, so meant
    assert [tag.name for tag in found.shapes] == ["cow"]
    (tmp_path / "set.zip").write_text("PK")
    with pytest.raises(UserError, match="set.zip: is packed; unpack it"):
        read_annotations([tmp_path / "set.zip"], context())
