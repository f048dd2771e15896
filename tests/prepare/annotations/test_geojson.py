import pytest

from spml.errors import UserError
from spml.prepare.annotations.model import Point, Polygon, Stroke

RING = [[1, 1], [20, 1], [20, 20], [1, 1]]
HOLE = [[3, 3], [5, 3], [5, 5], [3, 3]]


def feature(kind, coordinates, **properties):
    properties = properties or {"classification": {"name": "cow"}}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def collection(*features):
    return {"type": "FeatureCollection", "features": [*features]}


def test_geometries_become_shapes(read_content):
    features = [
        feature("Point", [3, 4], label="cow", radius=5),
        feature("MultiPoint", [[1, 1], [2, 2]]),
        feature("LineString", [[1, 1], [9, 9]], name="cow", width=2),
        feature("Polygon", [RING, HOLE]),
        feature("MultiPolygon", [[RING], [HOLE]]),
    ]
    (found,) = read_content("a.geojson", collection(*features))
    assert [type(each) for each in found.shapes] == [Point, Point, Point, Stroke, Polygon, Polygon, Polygon]
    assert {each.name for each in found.shapes} == {"cow"} and found.name == "a"
    assert found.shapes[0].radius == 5 and found.shapes[1].radius is None and found.shapes[3].width == 2
    assert [len(each.rings) for each in found.shapes[4:]] == [2, 1, 1]


def test_a_bare_list_of_features_is_read_as_qupath_writes_it(read_content):
    assert len(read_content("a.json", [feature("Point", [3, 4])])[0].shapes) == 1


def test_features_without_a_class_are_left_out(read_content):
    (found,) = read_content("a.json", collection(feature("Point", [3, 4], objectType="annotation")))
    assert not found.shapes and found.left_out[0][0] == "feature without a class"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (collection(feature("Point", [3])), r"features\[0\], geometry, coordinates: expected 1"),
        (collection(feature("Polygon", [[[1, 1]]])), r"coordinates\[0\]: expected 3"),
        (collection(feature("Polygon", 5)), "coordinates: expected a list"),
        (collection(feature("Point", [3, 4], name="cow", radius=-1)), "radius: expected a length"),
        ({"type": "FeatureCollection"}, "has no 'features'"),
        (collection({"type": "Feature", "properties": {"name": "cow"}}), r"features\[0\]: has no 'geometry'"),
    ],
)
def test_broken_files_are_refused_by_file_and_place(read_content, content, message):
    with pytest.raises(UserError, match=f"a.json.*{message}"):
        read_content("a.json", content)


def test_heights_empty_geometries_and_names_as_texts_are_read(read_content):
    features = [
        feature("Polygon", [[[*pair, 0.0] for pair in RING]], classification="cow", name=5),
        feature("Point", [3, 4, 7.5], **{"class": 3, "name": "cow"}),
        feature("MultiPolygon", []),
        {"type": "Feature", "geometry": None, "properties": {"name": "cow"}},
    ]
    (found,) = read_content("a.geojson", collection(*features))
    assert [(type(each), each.name) for each in found.shapes] == [(Polygon, "cow"), (Point, "cow")]
    assert len(found.left_out) == 2


def test_of_classes_that_qupath_derived_the_first_counts(read_content):
    several = feature("Point", [3, 4], classification={"names": ["cow", "Positive"]}, name="grass")
    assert [each.name for each in read_content("a.geojson", [several])[0].shapes] == ["cow"]


def test_what_qupath_nests_below_a_feature_is_said_to_be_left_out(read_content):
    inner = feature("Point", [3, 4])
    outer = feature("Point", [1, 2], classification={"name": "cow"}, childObjects=[inner])
    (found,) = read_content("a.geojson", [outer])
    assert len(found.shapes) == 1
    assert found.left_out == [("1 features within it", f"{found.where}[0], properties, childObjects")]


def test_an_empty_list_says_that_nothing_is_in_the_photograph(read_content):
    assert [(each.name, each.shapes) for each in read_content("a.geojson", [])] == [("a", [])]
