"""Honest files of every format with values, keys and bytes changed: shapes, or one line that names file and place."""

import base64
import copy
import io
import json
import re
import time
import warnings
from functools import partial

import numpy as np
import pytest
from PIL import Image

from spml.data.files import write_image
from spml.errors import UserError
from spml.prepare.annotations.annotations import annotations
from spml.prepare.annotations.check_page import check_page
from spml.prepare.annotations.findings import class_rows
from spml.prepare.annotations.formats import read_annotations
from spml.prepare.annotations.matching import match
from spml.prepare.annotations.rasterise import Brush, draw
from spml.prepare.annotations.voc_boxes import box_xml

HEIGHT, WIDTH = 40, 60
SIDES = {"height": HEIGHT, "width": WIDTH}
RUNS = {"size": [HEIGHT, WIDTH], "counts": [10, 20, HEIGHT * WIDTH - 30]}
PERCENT = {"original_height": HEIGHT, "original_width": WIDTH}
RING = [[1, 1], [30, 1], [30, 20]]
ODD = [
    None, True, False, -1, 0, 1, 0.5, 1e308, -1e308, 10**20, 10**400, float("nan"), float("inf"), "", "x", "\ud800",
    "\0", "nan", "9" * 5000, [], [[]], [None], [True], [[1, 2]], [[1, 2], [3]], [1e9] * 4, [[[1]]], {},
    {"a": {"b": []}}, {"size": [True, 2], "counts": [1]}, {"size": 3, "counts": "0"}, {"size": True, "counts": [1]},
]  # fmt: skip
ODD_TEXTS = ["", "-1", "nan", "inf", "1e400", "9" * 5000, "x", "1,2;3", "true", "1e5", "-1e5", "&#9;", "1_0", "٣"]
ODD_BYTES = [b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"9" * 5000, b"[" * 3000, b"nan", b"1e999", b"-", b"\r\n", b'"', b","]


def png(pixels):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def labelme():
    mask = base64.b64encode(png(np.eye(6, 10, dtype=bool))).decode()
    places = {"point": RING[:1], "linestrip": RING, "rectangle": RING[:2], "circle": RING[:2], "polygon": RING}
    shapes = [{"label": "cow", "shape_type": kind, "points": points} for kind, points in places.items()]
    shapes.append({"label": "grass", "shape_type": "mask", "points": [[3, 4], [12, 9]], "mask": mask})
    head = {"imagePath": "../a.png", "imageHeight": HEIGHT, "imageWidth": WIDTH, "flags": {"cow": True}}
    return {"version": "5.5.0", "imageData": None, **head, "shapes": shapes}


def label_studio():
    box = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 5}
    values = {
        "keypoint": {"x": 1, "y": 2},
        "rectangle": box,
        "ellipse": {"x": 50, "y": 50, "radiusX": 10, "radiusY": 5},
        "polygon": {"points": RING},
    }
    results = [
        {"id": kind, "type": f"{kind}labels", "value": value | {f"{kind}labels": ["cow"]}, **PERCENT}
        for kind, value in values.items()
    ]
    # A run of 4·H·W empty bytes: 53 bits of head, then a repeated word.
    bits = f"{4 * HEIGHT * WIDTH:032b}{7:05b}{13:04b}{13:04b}{13:04b}{13:04b}100{4 * HEIGHT * WIDTH - 1:014b}{0:08b}"
    code = [int(bits[place : place + 8].ljust(8, "0"), 2) for place in range(0, len(bits), 8)]
    results.append({"type": "brushlabels", "value": {"rle": code, "brushlabels": ["grass"]}, **PERCENT})
    results.append({"type": "choices", "value": {"choices": ["grass"]}})
    return [{"id": 1, "data": {"image": "/data/upload/1a2b3c4d-a.png"}, "annotations": [{"result": results}]}]


def coco():
    parts = [{"segmentation": [[1, 2, 30, 2, 30, 20]]}, {"segmentation": RUNS}, {"bbox": [1, 2, 30, 20]}]
    entries = [{"id": number, "image_id": 1, "category_id": 1, **part} for number, part in enumerate(parts)]
    images = [{"id": 1, "file_name": "a.png", **SIDES}]
    return {"images": images, "categories": [{"id": 1, "name": "cow"}], "annotations": entries}


def datumaro():
    flat = [1, 2, 30, 2, 30, 20]
    parts = [{"type": kind, "points": flat} for kind in ("points", "polyline", "polygon")]
    parts += [{"type": "ellipse", "points": flat[:4]}, {"type": "bbox", "bbox": [1, 2, 3, 4]}, {"type": "label"}]
    parts.append({"type": "mask", "rle": RUNS})
    entries = [{"id": 0, "label_id": number % 2, "z_order": number, **part} for number, part in enumerate(parts)]
    item = {"id": "a", "annotations": entries, "image": {"path": "a.png", "size": [HEIGHT, WIDTH]}}
    labels = [{"name": "cow"}, {"name": "grass"}]
    return {"dm_format_version": "1.0", "categories": {"label": {"labels": labels}}, "items": [item]}


def geojson():
    places = {"Point": [5, 5], "MultiLineString": [RING], "Polygon": [RING, [[3, 3], [9, 3], [9, 5]]]}
    geometries = [{"type": kind, "coordinates": place} for kind, place in places.items()]
    geometries.append({"type": "GeometryCollection", "geometries": geometries[:1]})
    properties = {"classification": {"name": "cow"}, "radius": 3, "width": 4}
    features = [{"type": "Feature", "properties": properties, "geometry": geometry} for geometry in geometries]
    return {"type": "FeatureCollection", "features": features}


CVAT = """<annotations><version>1.1</version><image id="0" name="a.png" width="60" height="40">
<points label="cow" points="1.5,2.5;3,4"/><polyline label="cow" points="1,2;30,4" z_order="2"/>
<polygon label="grass" points="1,2;30,4;9,9"/><box label="cow" xtl="1" ytl="2" xbr="30" ybr="20" rotation="15"/>
<ellipse label="cow" cx="30" cy="20" rx="5" ry="6"/><tag label="cow"/>
<mask label="cow" rle="3, 5, 2, 10" left="4" top="5" width="5" height="4"/></image></annotations>"""
VOC = """<annotation><filename>a.png</filename><size><width>60</width><height>40</height></size><object><name>cow</name>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object></annotation>"""
VALUES = {"a.json": labelme, "tasks.json": label_studio, "c.json": coco, "d.json": datumaro, "a.geojson": geojson}
TEXTS = {"cvat.xml": CVAT, "a.xml": VOC}
BYTES = {
    "a.png": png(np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 3),
    "a.txt": b"0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.2\n",
    "tags.txt": b"a cow grass\nb 1 2\n",
    "tags.csv": b"image,cow,grass\na,1,0\nb,0,1\n",
}


def places_in(value, place=()):
    """The places of all values within lists and objects."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*place, key)
        yield from places_in(value[key], (*place, key))


def with_odd_value(value, rng):
    """The value with one within it replaced, left out, or put into a list."""
    value = copy.deepcopy(value)
    places = list(places_in(value))
    *way, last = places[rng.integers(len(places))]
    inner = value
    for key in way:
        inner = inner[key]
    kind = rng.integers(5)
    if kind == 0:
        del inner[last]
    else:
        inner[last] = [inner[last]] if kind == 1 else ODD[rng.integers(len(ODD))]
    return json.dumps(value).encode()


def with_odd_text(text, rng):
    """XML with an attribute's value, an element's text or its name replaced."""
    found = list(re.finditer(r'"[^"]*"|>[^<\s]+<|<\w+', text))
    chosen = found[rng.integers(len(found))]
    odd, first = ODD_TEXTS[rng.integers(len(ODD_TEXTS))], chosen[0][0]
    odd = f'"{odd}"' if first == '"' else f">{odd}<" if first == ">" else "<z"
    return (text[: chosen.start()] + odd + text[chosen.end() :]).encode()


def with_odd_bytes(content, rng):
    """Bytes put in, changed, cut out, or the end cut off."""
    content, place = bytearray(content), rng.integers(len(content) + 1)
    kind = rng.integers(4)
    if kind == 0:
        content[place:place] = ODD_BYTES[rng.integers(len(ODD_BYTES))]
    elif kind == 1:
        content[place : place + 1] = bytes([rng.integers(256)])
    elif kind == 2:
        del content[place : place + rng.integers(1, 40)]
    else:
        del content[place:]
    return bytes(content)


def cases():
    """File name, its honest content, and what gives a changed one from a random generator."""
    found = [(name, json.dumps(value()).encode(), partial(with_odd_value, value())) for name, value in VALUES.items()]
    found += [(name, text.encode(), partial(with_odd_text, text)) for name, text in TEXTS.items()]
    return found + [(name, content, partial(with_odd_bytes, content)) for name, content in BYTES.items()]


def whole_way(path, context):
    """From a file to label maps, boxes, tags and the page, in memory."""
    photographs, notes = match(read_annotations([path], context).annotations, context)
    pixels = np.zeros(256, int)
    for each in photographs:
        pixels += np.bincount(draw(each.size, each.shapes, Brush()).label.ravel(), minlength=256)
        box_xml("a.png", each.size, [(box, context.classes.names[value]) for box, value in each.boxes(context.classes)])
        each.tags(context.classes)
    check_page([], class_rows(photographs, pixels, context.classes), notes, []).encode()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("name", "honest", "changed"), cases(), ids=[*VALUES, *TEXTS, *BYTES])
def test_changed_files_give_shapes_or_one_line_that_names_file_and_place(name, honest, changed, tmp_path, context):
    known = context(a=(HEIGHT, WIDTH), b=(4, 4), names=("cow", "grass", "sky"), background=False)
    rng, path = np.random.default_rng(0), tmp_path / name
    path.write_bytes(honest)
    whole_way(path, known)
    refused, start = 0, time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for number in range(120):
            path.write_bytes(changed(rng=rng) if number % 4 else with_odd_bytes(honest, rng))
            try:
                whole_way(path, known)
            except UserError as error:
                refused += 1
                said = str(error)
                assert "\n" not in said and len(said) < 600
                assert str(path) in said or said.startswith("--annotations: nothing in them")
    assert 10 < refused < 120 and time.process_time() - start < 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shapes": 3}, "a.json, shapes: expected a list, not 3"),
        ({"imageHeight": 10**400}, "a.json, imageHeight: expected a number"),
        ({"shapes": [{"label": True, "points": RING}]}, r"a.json, shapes\[0\], label: expected a text, not True"),
        ({"shapes": [{"label": "cow"}]}, r"a.json, shapes\[0\]: has no 'points'"),
        ({"shapes": [{"label": "cow", "points": [[1, 10**400]] * 3}]}, r"a.json, shapes\[0\], points: expected 1 to"),
    ],
)
def test_the_place_in_a_file_is_named_and_nothing_is_written(change, message, tmp_path, photographs):
    folder = photographs(a=(HEIGHT, WIDTH))
    (tmp_path / "classes.txt").write_text("cow\ngrass\n")
    (tmp_path / "a.json").write_text(json.dumps(labelme()))
    (tmp_path / "b").mkdir()
    (tmp_path / "b/a.json").write_text(json.dumps(labelme() | change))
    paths = f"--annotations {tmp_path}/a.json {tmp_path}/b --image_dir {folder} --classes {tmp_path}/classes.txt"
    with pytest.raises(UserError, match=message):
        annotations([*paths.split(), "--save_dir", f"{tmp_path}/out", "--workers", "0"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_with_a_byte_order_mark_are_read(encoding, tmp_path, context):
    for name, text in {"a.json": json.dumps(labelme()), "a.xml": VOC, "tags.txt": "a cow\n"}.items():
        (tmp_path / name).write_bytes(text.encode(encoding))
        (found,) = read_annotations([tmp_path / name], context()).annotations
        assert found.shapes and found.shapes[0].name == "cow"


@pytest.mark.parametrize(
    "value", [[[]] * 9, 10**400, {"size": 3}, [1, 2, 3], [1, 2, True, 4], [1, 2, -3, 4]], ids=range(6)
)
def test_boxes_of_coco_are_four_numbers(value, read_content):
    content = coco()
    content["annotations"][2]["bbox"] = value
    with pytest.raises(UserError, match=r"c.json, annotations\[2\], bbox"):
        read_content("c.json", content)


@pytest.mark.parametrize("size", [3, True, [True, 60], [40], [40, 60, 1], "40", [40, 10**30], {"40": 60}])
def test_sizes_of_run_length_codes_are_two_whole_numbers(size, read_content):
    content = coco()
    content["annotations"][1]["segmentation"] = {"size": size, "counts": [2400]}
    with pytest.raises(UserError, match=r"c.json, annotations\[1\], segmentation"):
        read_content("c.json", content)


def test_a_photograph_as_a_mask_is_refused_or_read_within_its_bounds(tmp_path, context):
    write_image(tmp_path / "a.jpg", np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    with pytest.raises(UserError, match="a.jpg: is none of"):
        read_annotations([tmp_path / "a.jpg"], context())
