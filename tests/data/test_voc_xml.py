import pytest

from spml.data.boxes import Box
from spml.data.class_names import VOC_CLASSES
from spml.data.voc_xml import parse_xml, read_boxes
from spml.errors import UserError

SIZE = "<size><width>50</width><height>40</height><depth>3</depth></size>"


def box_xml(name, *corners, extra=""):
    sides = "".join(
        f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def write(path, content):
    path.write_text(f"<annotation>{content}</annotation>")
    return path


def test_boxes_count_from_one_and_include_their_border(tmp_path):
    path = write(tmp_path / "a.xml", SIZE + box_xml("dog", 1, 1, 50, 40) + box_xml("cat", 3, 4, 3, 4))
    assert read_boxes(path, VOC_CLASSES) == ((40, 50), [Box(12, 0, 0, 50, 40), Box(8, 2, 3, 3, 4)])


def test_body_parts_inside_an_object_are_no_objects(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>"
    path = write(tmp_path / "a.xml", SIZE + box_xml("person", 2, 3, 10, 11, extra="<difficult>1</difficult>" + part))
    assert read_boxes(path, VOC_CLASSES)[1] == [Box(15, 1, 2, 10, 11)]


def test_fractions_are_rounded_and_borders_cut_to_the_image(tmp_path):
    path = write(tmp_path / "a.xml", SIZE + box_xml("dog", 0, "1.9", "45.7", 99))
    assert read_boxes(path, VOC_CLASSES)[1] == [Box(12, 0, 1, 46, 40)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SIZE + box_xml("dog", 9, 9, 5, 12), "empty or outside"),
        (SIZE + box_xml("dog", 60, 9, 70, 12), "empty or outside"),
        (SIZE + box_xml("dog", 1, 1, "nan", 12), "<xmax>"),
        (SIZE + box_xml("dog", 1, 1, "x", 12), "<xmax>"),
        (SIZE + "<object><name>dog</name></object>", "no <bndbox>"),
        (SIZE + box_xml("unicorn", 1, 1, 2, 2), "unknown class 'unicorn'"),
        (box_xml("dog", 1, 1, 2, 2), "no image size"),
        ("<size><width>0</width><height>4</height></size>", "impossible image size"),
        ("<size><width>99999999</width><height>4</height></size>", "impossible image size"),
    ],
)
def test_broken_annotations_are_refused_by_file_name(tmp_path, content, message):
    with pytest.raises(UserError, match=f"a.xml: .*{message}"):
        read_boxes(write(tmp_path / "a.xml", content), VOC_CLASSES)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))
DECLARATIONS = {
    "entities": '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "billion_laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l29;</a>',
    "quadratic": f'<!DOCTYPE a [<!ENTITY b "{"b" * 100_000}">]><a>{"&b;" * 100_000}</a>',
    "file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "type_elsewhere": '<!DOCTYPE a SYSTEM "http://example.com/a.dtd"><a/>',
    "type_alone": "<!DOCTYPE a><a/>",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("kind", DECLARATIONS)
def test_declared_types_and_entities_are_refused_in_every_encoding(tmp_path, kind, encoding):
    (tmp_path / "a.xml").write_bytes(DECLARATIONS[kind].encode(encoding))
    with pytest.raises(UserError, match="a.xml: declares a document type, which no annotation needs"):
        parse_xml(tmp_path / "a.xml")


@pytest.mark.parametrize("content", [b"", b"<a>", b"\x00\xff", b'<?xml version="1.0" encoding="no-such"?><a/>'])
def test_broken_xml_is_one_clear_error(tmp_path, content):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(UserError, match="a.xml: not readable XML"):
        parse_xml(tmp_path / "a.xml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="none.xml: no such file"):
        parse_xml(tmp_path / "none.xml")
