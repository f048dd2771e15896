import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from spml.data.files import read_label
from spml.errors import UserError
from spml.prepare.scribbles import Scribble, draw_scribbles, read_scribbles, scribbles

SIZE = "<size><width>50</width><height>40</height><depth>3</depth></size>"


def polygon(tag, *points):
    spots = "".join(f"<point><X>{x}</X><Y>{y}</Y></point>" for x, y in points)
    return f"<polygon><tag>{tag}</tag>{spots}</polygon>"


def write(path, *polygons, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{size}{''.join(polygons)}</annotation>")
    return path


def test_polylines_come_with_their_class(tmp_path):
    path = write(tmp_path / "a.xml", polygon("cat", (1, 2), (3, 4)), polygon("background", (5, 6)), polygon("dog"))
    size, found = read_scribbles(path)
    assert size == (40, 50)
    assert [(s.class_id, s.points.tolist()) for s in found] == [(8, [[1, 2], [3, 4]]), (0, [[5, 6]])]


def test_scribbles_at_full_length_and_points_at_none():
    lines = [Scribble(8, np.array([[10, 20], [40, 20]]))]
    scribble = draw_scribbles((40, 50), lines, 1, 3)
    assert set(np.unique(scribble)) == {8, 254}
    rows, columns = np.nonzero(scribble == 8)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (19, 21, 9, 41)
    rows, columns = np.nonzero(draw_scribbles((40, 50), lines, 0, 6) == 8)
    assert np.ptp(rows) == np.ptp(columns) == 5 and abs(rows.mean() - 20) <= 0.5 and abs(columns.mean() - 25) <= 0.5


def test_objects_are_drawn_over_the_background():
    cross = [Scribble(8, np.array([[10, 20], [40, 20]])), Scribble(0, np.array([[25, 5], [25, 35]]))]
    label = draw_scribbles((40, 50), cross, 1, 3)
    assert label[20, 25] == 8 and label[10, 25] == 0


def test_each_length_gets_its_folder(tmp_path):
    write(tmp_path / "xml/a.xml", polygon("cat", (5, 20), (45, 20)))
    scribbles(["--data_dir", str(tmp_path), "--xml_dir", str(tmp_path / "xml"), "--workers", "0"])
    folder = tmp_path / "VOC2012/scribble"
    names = ["dilate_3", "dilate_3_0.8", "dilate_3_0.5", "dilate_3_0.3", "dilate_6_0.0"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    labelled = [read_label(folder / name / "a.png") == 8 for name in names]
    for longer, shorter in zip(labelled[:-1], labelled[1:-1], strict=False):
        assert shorter.sum() < longer.sum() and not (shorter & ~longer).any()
    assert labelled[0].shape == (40, 50) and labelled[-1].sum() == 32


def test_the_size_comes_from_the_image_where_the_xml_has_none(tmp_path):
    argv = ["--data_dir", str(tmp_path), "--xml_dir", str(tmp_path / "xml"), "--workers", "0", "--lengths", "1"]
    write(tmp_path / "xml/a.xml", polygon("cat", (5, 2)), size="")
    with pytest.raises(UserError, match="a.xml: states no image size, and .*a.jpg is not there"):
        scribbles(argv)
    images = tmp_path / "VOC2012/JPEGImages"
    images.mkdir(parents=True)
    Image.new("RGB", (30, 20)).save(images / "a.jpg")
    scribbles(argv)
    assert read_label(tmp_path / "VOC2012/scribble/dilate_3/a.png").shape == (20, 30)
    write(tmp_path / "xml/a.xml", polygon("cat", (5, 2)))
    with pytest.raises(UserError, match="a.xml: is for 50×40 pixels, but .*a.jpg has 30×20"):
        scribbles(argv)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (polygon("unicorn", (1, 2)), "unknown class 'unicorn'"),
        (polygon("cat", ("x", 2)), "<X>"),
        (polygon("cat", (1, "inf")), "<Y>"),
        ("<polygon><tag>cat</tag><point><X>1</X></point></polygon>", "<Y>"),
        ("<polygon><point><X>1</X><Y>1</Y></point></polygon>", "unknown class"),
    ],
)
def test_broken_scribbles_are_refused_by_file_name(tmp_path, content, message):
    with pytest.raises(UserError, match=f"a.xml: .*{message}"):
        read_scribbles(write(tmp_path / "a.xml", content))


def test_an_impossible_length_is_refused(tmp_path):
    with pytest.raises(UserError, match="--lengths 1.5"):
        scribbles(["--data_dir", str(tmp_path), "--xml_dir", str(tmp_path), "--lengths", "1.5"])


def png_head(width, height):
    """The beginning of a PNG that states this size."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize("content", [b"", b"no picture", png_head(10**6, 10**6)])
def test_an_image_that_is_none_or_impossibly_large_is_refused_by_file_name(tmp_path, content):
    write(tmp_path / "xml/a.xml", polygon("cat", (5, 2)))
    images = tmp_path / "VOC2012/JPEGImages"
    images.mkdir(parents=True)
    (images / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match="a.jpg: "):
        scribbles(["--data_dir", str(tmp_path), "--xml_dir", str(tmp_path / "xml"), "--workers", "0"])
    assert not (tmp_path / "VOC2012/scribble").exists()
