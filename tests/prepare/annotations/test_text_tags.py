import pytest

from spml.errors import UserError
from spml.prepare.annotations.formats import read_annotations

PHOTOS = {"a": (4, 4), "b": (4, 4)}


def tags(found):
    return {each.name: [tag.name for tag in each.shapes] for each in found}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tags.txt", "a cow grass\nb\n"),
        ("tags.txt", "a 1 2\nb\n"),
        ("tags.csv", "a,cow,grass\nb\n"),
        ("tags.csv", 'image,labels\na,"cow;grass"\nb,\n'),
        ("tags.csv", "a;cow;grass\nb\n"),
        ("tags.tsv", "id\ttags\na\tcow grass\nb\t\n"),
        ("tags.csv", "image,grass,cow\na,1,1\nb,0,0\n"),
    ],
)
def test_tags_are_read_in_words_and_in_tables(read_content, name, content):
    found = {
        image: sorted(names) for image, names in tags(read_content(name, content, **PHOTOS)).items() if image in "ab"
    }
    assert found == {"a": ["cow", "grass"], "b": []}


def test_a_table_may_name_unknown_classes_and_its_0_and_1_are_no_numbers(read_content):
    assert tags(read_content("tags.csv", "id,cow,wolf\na,1,0\nb,1,1\n", **PHOTOS)) == {
        "a": ["cow"],
        "b": ["cow", "wolf"],
    }
    assert tags(read_content("tags.csv", "id,bear,wolf\na,1,0\nb,0,0\n", **PHOTOS)) == {"a": ["bear"], "b": []}


def test_numbers_do_not_count_labelmes_ignore(read_content):
    names = ("__ignore__", "background", "cow")
    assert tags(read_content("tags.txt", "a 1\n", names=names, **PHOTOS)) == {"a": ["cow"]}


def test_unknown_tags_are_kept_for_the_report(read_content):
    assert tags(read_content("tags.txt", "a cow horse 77\n", **PHOTOS)) == {"a": ["cow", "horse", "77"]}


@pytest.mark.parametrize("content", ["a\nb\n", "a -1\nb 1\n", "images/a.jpg labels/a.png\n", "x cow\ny cow\n"])
def test_lists_of_images_are_no_tags(read_content, content):
    with pytest.raises(UserError, match="tags.txt: is none of LabelMe JSON"):
        read_content("tags.txt", content, **PHOTOS)


def test_a_cell_that_is_neither_0_nor_1_is_refused_by_its_line(read_content):
    with pytest.raises(UserError, match="tags.csv, line 3: expected 2 cells of 0 or 1"):
        read_content("tags.csv", "image,grass,cow\na,1,1\nb,0,7\n", **PHOTOS)
    with pytest.raises(UserError, match="tags.csv, line 2: expected 2 cells of 0 or 1"):
        read_content("tags.csv", "image,grass,cow\na,1\nb,0,1\n", **PHOTOS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("missing.jpg,cow\na.jpg,grass,cow\n", {"missing.jpg": ["cow"], "a.jpg": ["grass", "cow"]}),
        ("a,cow,1\nb,grass,0.98\n", {"a": ["cow", "1"], "b": ["grass", "0.98"]}),  # a confidence is no class
        ("file,width,label\na,2,cow\n", {"a": ["cow"]}),
        ("class_id,image\n1,a.png\n", {"a.png": ["cow"]}),
        (",filename,label\n0,b.png,cow\n1,a.png,grass\n", {"b.png": ["cow"], "a.png": ["grass"]}),
        (",filename,cow,grass\n0,b.png,1,0\n1,a.png,1,1\n", {"b.png": ["cow"], "a.png": ["cow", "grass"]}),
        ("image,labels\na.png,cow,grass\nb.png,grass\n", {"a.png": ["cow", "grass"], "b.png": ["grass"]}),  # ragged
        ("image tags\na cow grass\n", {"a": ["cow", "grass"]}),
        ("image,label,label2,subcategory,score\na,cow,grass,sky,1\n", {"a": ["cow", "grass", "sky"]}),
        ("a,1\nb,none\n", {"a": ["cow"], "b": ["none"]}),
        ("Bild;Klasse\na;1\nb;2\n", {"Bild": ["Klasse"], "a": ["cow"], "b": ["grass"]}),
        ("photo_id,cow\na,1\nb,0\n", {"a": ["cow"], "b": []}),
        ("picture,cow\na,yes\nb,no\n", {"a": ["cow"], "b": []}),
        ("name,path,grass\na,x y,1\nb,z,0\n", {"a": ["grass"], "b": []}),
        ("image,split,cow,grass\na,train,1,0\nb,val,1,1\n", {"a": ["cow"], "b": ["cow", "grass"]}),
        ("id,filename,cow,grass\n0,a.png,1,0\n1,b.png,1,1\n", {"a.png": ["cow"], "b.png": ["cow", "grass"]}),
        ("image,left,right\na,1,0\nb,0,0\n", {"a": ["left"], "b": []}),
        ("image,class,left\na,cow,1\n", {"a": ["cow"]}),
        ("image,what\na,cow grass\n", {"a": ["cow", "grass"]}),
    ],
)
def test_columns_are_found_by_their_titles_and_what_they_hold(read_content, content, expected):
    named = {"0": (4, 4), "1": (4, 4)} if ",filename" in content else {}
    names = ("background", "cow", "grass", "sky", "left", "right")
    assert tags(read_content("tags.csv", content, names=names, **PHOTOS, **named)) == expected


@pytest.mark.parametrize("content", ["file,fold\na,1\nb,0\n", "image,width,height\na,4,4\nb,4,4\n"])
def test_tables_of_other_things_are_no_tags(read_content, content):
    with pytest.raises(UserError, match="tags.csv: is none of LabelMe JSON"):
        read_content("tags.csv", content, **PHOTOS)


def test_tables_of_boxes_are_refused(read_content):
    with pytest.raises(UserError, match="tags.csv: its column 'xmin' is of boxes, which are not read from tables"):
        read_content("tags.csv", "filename,cls,class,xmin,ymin,xmax,ymax\na.png,4,cow,1,1,2,2\n", **PHOTOS)
    with pytest.raises(UserError, match="its column 'bbox' is of boxes"):
        read_content("tags.csv", "filename,class,bbox\na.png,cow,1 1 2 2\n", **PHOTOS)


def test_a_class_column_that_is_mostly_empty_counts(read_content):
    rows = "".join(f"x{number},grass,\n" for number in range(300))
    found = tags(read_content("tags.csv", f"image,a,b\n{rows}a,grass,cow\n", **PHOTOS))
    assert found["a"] == ["grass", "cow"] and found["x0"] == ["grass"]


def test_tables_of_office_programs_may_be_in_their_own_encoding(read_content, tmp_path, context):
    (tmp_path / "tags.csv").write_bytes("a,Vögel\n".encode("cp1252"))
    found = read_annotations([tmp_path / "tags.csv"], context(("Vögel", "cow"), False, **PHOTOS)).annotations
    assert tags(found) == {"a": ["Vögel"]}


@pytest.mark.parametrize("title", ["split", "subset", "Data_set", "fold"])
def test_the_part_of_the_data_is_no_class(read_content, title):
    content = f"filename,label,{title}\na.png,cow,train\nb.png,grass,train\n"
    found = tags(read_content("tags.csv", content, names=("background", "cow", "grass", "train"), **PHOTOS))
    assert found == {"a.png": ["cow"], "b.png": ["grass"]}


@pytest.mark.parametrize(
    "content",
    [
        "a cow,grass\nb\n",
        "b\na cow,grass\n",
        "a.png;cow,grass\nb.png;\n",
        "# of 2024\na,cow,grass\nb,\n",
        "sep=;\na;cow;grass\nb;\n",
        "sep=;\nimage;classes\na;cow,grass\nb;\n",
    ],
)
def test_the_cells_are_parted_where_the_first_names_a_photograph(read_content, content):
    found = tags(read_content("tags.csv", content, **PHOTOS))
    assert {name.removesuffix(".png"): names for name, names in found.items()} == {"a": ["cow", "grass"], "b": []}


def test_photographs_named_by_numbers_have_tags_by_numbers(read_content):
    found = read_content("tags.txt", "17 0 1 2 1\n18 1\n", **{"17": (4, 4), "18": (4, 4)})
    assert tags(found) == {"17": ["background", "cow", "grass", "cow"], "18": ["cow"]}
