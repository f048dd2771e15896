"""Files that are broken or hostile: whatever the bytes, reading ends soon, with shapes or one line that names them."""

import json
import re
import time
import warnings

import numpy as np
import pytest
from annotations_written_by_tools import FILES

from spml.errors import UserError
from spml.prepare.annotations import documents, values
from spml.prepare.annotations.formats import read_annotations
from spml.prepare.annotations.matching import match
from spml.prepare.annotations.rasterise import Brush, draw

GEOJSON = json.dumps(
    [
        {"type": "Feature", "properties": {"name": name, "radius": 3}, "geometry": {"type": kind, "coordinates": place}}
        for name, kind, place in (
            ("cow", "Polygon", [[[1, 1], [20, 1], [20, 20]], [[3, 3], [5, 3], [5, 5]]]),
            ("sky", "Point", [5, 5]),
            ("sky", "MultiLineString", [[[5, 5], [9, 9]]]),
        )
    ]
)
VALID = {
    "19_5_s.json": (FILES / "labelme" / "19_5_s.json").read_text(),
    "label_studio.json": (FILES / "label_studio.json").read_text(),
    "coco.json": (FILES / "coco.json").read_text(),
    "datumaro.json": (FILES / "datumaro.json").read_text(),
    "cvat.xml": (FILES / "cvat.xml").read_text(),
    "19_5_s.xml": (FILES / "voc" / "19_5_s.xml").read_text(),
    "19_5_s.geojson": GEOJSON,
    "19_5_s.txt": "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.2\n",
    "tags.txt": "19_5_s cow sky\n7_22_s 3 4\n",
    "tags.csv": "image,cow,sky\n19_5_s,1,0\n7_22_s,0,1\n",
}
ODD_VALUES = ("null", "-1", "0", "1e308", "-1e5", "NaN", "1e999", "[]", "{}", '""', '"x"', "true", "1" + "0" * 30,
              '"\\ud800"', "[[]]", "[1,2]", "99999999", "2.5", "")  # fmt: skip
VALUE = re.compile(r'-?\d[\d.]*|"[^"]*"|\[\]|null|<\w+')


def mutated(text, rng):
    """The text with a value replaced by an odd one, or with bytes changed, cut out, or the end cut off."""
    if rng.random() < 0.6:
        values = list(VALUE.finditer(text))
        chosen = values[rng.integers(len(values))]
        return (text[: chosen.start()] + rng.choice(ODD_VALUES) + text[chosen.end() :]).encode()
    content, place = bytearray(text.encode()), rng.integers(len(text))
    kind = rng.integers(3)
    if kind == 0:
        content[place] = rng.integers(256)
    elif kind == 1:
        del content[place : place + rng.integers(1, 30)]
    else:
        del content[place + 1 :]
    return bytes(content)


@pytest.mark.parametrize("name", VALID)
def test_mutated_files_give_shapes_or_one_line_that_names_them(name, tmp_path, msrc_context):
    rng, path = np.random.default_rng(0), tmp_path / name
    path.write_text(VALID[name])
    assert read_annotations([path], msrc_context).annotations
    refused, start = 0, time.process_time()
    for _ in range(60):
        path.write_bytes(mutated(VALID[name], rng))
        try:
            photographs, _ = match(read_annotations([path], msrc_context).annotations, msrc_context)
            for each in photographs:
                draw(each.size, each.shapes, Brush())
        except UserError as error:
            refused += 1
            assert "\n" not in str(error) and (str(path) in str(error) or "nothing in them" in str(error))
    assert 10 <= refused < 60 and time.process_time() - start < 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"shapes": [}', "a.json, line 1, column 13: not readable JSON"),
        (b"[" * 200_000, "a.json: not readable JSON"),
        (b'{"a": ' * 100_000, "a.json: not readable JSON"),
        (b"\xff\xfe\x00", "a.json: is no text in UTF-8"),
        (b"1" * 5000, "a.json: not readable JSON"),
    ],
)
def test_broken_json_is_named_with_its_place(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        documents.open_document(tmp_path / "a.json")


@pytest.mark.parametrize("content", [b"", b"<a>", b"\x00\xff", b'<?xml version="1.0" encoding="no-such"?><a/>'])
def test_broken_xml_is_named(tmp_path, content):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(UserError, match="a.xml: not readable XML"):
        documents.open_document(tmp_path / "a.xml")


def test_entities_are_refused_in_every_encoding(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "a.xml").write_bytes(bomb.encode(encoding))
        with pytest.raises(UserError, match="document type"):
            documents.open_document(tmp_path / "a.xml")


def test_too_large_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MAX_BYTES", 10)
    (tmp_path / "a.json").write_text("[" + " " * 20 + "]")
    with pytest.raises(UserError, match="a.json: is larger than"):
        documents.open_document(tmp_path / "a.json")


def test_text_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.json").write_bytes("[1]".encode("utf-8-sig"))
    (tmp_path / "b.txt").write_bytes("a cow".encode("utf-16"))
    assert documents.open_document(tmp_path / "a.json").content.value == [1]
    assert documents.open_document(tmp_path / "b.txt").content == "a cow"


@pytest.mark.parametrize("points", [["12", "34", "56"], [["1", "2"]] * 3, [[True, False]] * 3, [[1, None]] * 3])
def test_points_are_numbers_not_texts_or_truths(points):
    with pytest.raises(UserError, match="here: expected 3 to .* points"):
        values.checked_points(points, 3, "here")


def test_a_shape_of_too_many_points_is_refused(read_content, monkeypatch):
    monkeypatch.setattr(values, "MAX_POINTS", 9)
    shape = {"label": "cow", "shape_type": "polygon", "points": [[1, 1]] * 10}
    with pytest.raises(UserError, match="points: expected 1 to 9"):
        read_content("a.json", {"imagePath": "a.png", "shapes": [shape]})


def test_a_polygon_of_many_far_points_is_drawn_soon(read_content):
    points = np.random.default_rng(0).uniform(-1e6, 1e6, (20_000, 2)).tolist()
    content = {"imagePath": "a.png", "shapes": [{"label": "cow", "points": points}]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (polygon,) = read_content("a.json", content)[0].shapes
        start = time.process_time()
        draw((240, 320), [(polygon, 1)], Brush())
    assert time.process_time() - start < 5
