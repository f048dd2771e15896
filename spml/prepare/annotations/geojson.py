"""GeoJSON in pixel coordinates, one file an image, as QuPath writes it: points, lines, polygons with holes."""

from collections.abc import Iterator

import numpy as np

from spml.errors import UserError
from spml.prepare.annotations.context import Context
from spml.prepare.annotations.documents import Document
from spml.prepare.annotations.model import ImageAnnotations, Point, Polygon, Shape, Stroke
from spml.prepare.annotations.values import Json

PARTS = {"MultiPoint": "Point", "MultiLineString": "LineString", "MultiPolygon": "Polygon"}
DEEPEST = 8


def is_geojson(document: Document, context: Context) -> bool:
    """Whether this is GeoJSON: a feature, a collection of features, or a list of features."""
    content = document.content
    if not isinstance(content, Json):
        return False
    first = content.value[0] if isinstance(content.value, list) and content.value else content.value
    return isinstance(first, dict) and first.get("type") in ("Feature", "FeatureCollection")


def read_geojson(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the features of one image, named like the file; raises UserError, with its place, for any other content.

    A feature's class is its property `classification`'s `name`, or `class`, `label` or `name`. The properties `radius`
    of points and `width` of lines are in pixels.
    """
    content = document.content
    assert isinstance(content, Json)
    found = ImageAnnotations(document.path.stem, content.where)
    for feature in _features(content):
        name = _class_of(feature)
        geometry = feature.need("geometry")
        shapes = (
            []
            if name is None or geometry.value is None
            else list(_shapes(geometry, name, feature.get("properties"), 0))
        )
        found.shapes += shapes
        if not shapes:
            found.left_out.append(
                ("feature without a class" if name is None else "geometry of another type", feature.where)
            )
    return [found]


def _features(content: Json) -> Iterator[Json]:
    if isinstance(content.value, list):
        yield from content.each()
    elif content.value["type"] == "Feature":
        yield content
    else:
        yield from content.need("features").each()


def _class_of(feature: Json) -> str | None:
    properties = feature.get("properties")
    if properties.value is None:
        return None
    classification = properties.get("classification")
    is_object = isinstance(classification.value, dict)
    named = [classification.get("name") if is_object else classification]
    named += [properties.get(key) for key in ("class", "label", "name")]
    texts = [name.value for name in named if isinstance(name.value, str) and name.value.strip()]
    return texts[0] if texts else next((name.text() for name in named if name.value is not None), None)


def _shapes(geometry: Json, name: str, properties: Json, depth: int) -> Iterator[Shape]:
    kind, where = geometry.need("type").text(), geometry.where
    if kind == "GeometryCollection":
        if depth > DEEPEST:
            raise UserError(f"{where}: collections of collections, deeper than {DEEPEST}")
        for part in geometry.need("geometries").each():
            yield from _shapes(part, name, properties, depth + 1)
        return
    coordinates = geometry.need("coordinates")
    if coordinates.value == []:  # an empty geometry, which GeoJSON knows
        return
    for part in coordinates.each() if kind in PARTS else [coordinates]:
        if PARTS.get(kind, kind) == "Point":
            x, y = _pairs(Json([part.value], part.where))[0].tolist()
            yield Point(name, where, x, y, _length(properties, "radius"))
        elif PARTS.get(kind, kind) == "LineString":
            yield Stroke(name, where, _pairs(part), _length(properties, "width"))
        elif PARTS.get(kind, kind) == "Polygon":
            yield Polygon(name, where, _rings(part))


def _rings(part: Json) -> tuple:
    rings = tuple(_pairs(ring, 3) for ring in part.each())
    if not rings:
        raise part.error("a list of rings")
    return rings


def _pairs(points: Json, least: int = 1) -> np.ndarray:
    """Positions as N×2: a third number, the height, does not count."""
    positions = points.value if isinstance(points.value, list) else []
    flat = [place[:2] if isinstance(place, list) and len(place) == 3 else place for place in positions]
    return Json(flat, points.where).pairs(least)


def _length(properties: Json, key: str) -> float | None:
    length = properties.get(key)
    if length.value is not None and length.number() < 0:
        raise length.error("a length in pixels")
    return None if length.value is None else length.number()
