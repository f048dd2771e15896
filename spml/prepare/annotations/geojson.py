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
    first = document.first
    empty = first == [] and document.path.suffix.lower() == ".geojson"  # QuPath's, of nothing
    return empty or (isinstance(first, dict) and first.get("type") in ("Feature", "FeatureCollection"))


def read_geojson(document: Document, context: Context) -> list[ImageAnnotations]:
    """Read the features of one image, named like the file; raises UserError, with its place, for any other content.

    A feature's class is its property `classification`'s `name` or the first of its `names`, or `class`, `label` or
    `name`. The properties `radius` of points and `width` of lines are in pixels.
    """
    content = document.json
    found = ImageAnnotations(document.path.stem, content.where)
    for feature in _features(content):
        name, geometry, properties = _class_of(feature), feature.need("geometry"), feature.get("properties")
        shapes = list(_shapes(geometry, name, properties, 0)) if name and geometry.value is not None else []
        found.shapes += shapes
        if not shapes:
            found.left_out.append(("geometry of another type" if name else "feature without a class", feature.where))
        found.left_out += _nested(properties)
    return [found]


def _nested(properties: Json) -> Iterator[tuple[str, str]]:
    """What QuPath writes below an object, with the reason why it is left out: it has to be exported for itself."""
    inner = properties.value.get("childObjects") if isinstance(properties.value, dict) else None
    if isinstance(inner, list) and inner:
        yield f"{len(inner)} features within it", f"{properties.where}, childObjects"


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
    named = [classification]
    if isinstance(classification.value, dict):  # `names`: QuPath's class and what was derived from it
        several = classification.get("names")
        named = [classification.get("name"), *(several.each() if several.value is not None else ())]
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
